"""What an operator does: package, deploy, watch, mend and take down a stage. Nothing here is deployed.

Each module offers functions that receive their boto3 clients and give facts back; `__main__` alone makes clients,
reads the command line and prints. The local stack uses the same functions against an emulator.
"""
