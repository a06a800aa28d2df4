"""Adapters to AWS: each receives its boto3 client and gives domain values out. No decision is made here."""
