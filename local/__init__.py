"""The whole system on one machine: what stands in for a cloud account, and the demo that runs on it.

May import anything; nothing else may import it, and none of it is deployed.
"""
