"""The training stages as SageMaker jobs: a request is built, validated, priced, agreed to, sent and followed.

Pure modules build and judge (`config`, `requests`, `costs`, `source`, `validate`, `entry`); `run` alone speaks to
AWS, through boto3 clients that it is given. Nothing here imports torch or the sagemaker SDK.

What has been shown and what has not: every request is held against botocore's description of the service and was
run against an emulated control plane, and the bundle was trained by AWS's own toolkit outside of AWS. No job has
ever run on AWS: neither the image, nor prices, nor spot interruptions, nor several instances have been tried there.
"""
