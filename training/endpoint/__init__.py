"""The endpoint in SageMaker: what should be there is built, validated, priced, compared with what is, agreed to, done.

Pure modules say what is wanted (`config`, `package`, `requests`), what it costs (`costs`) and what is left to do
(`plan`); `account` alone speaks to AWS, through boto3 clients that it is given. Nothing here imports torch or the
sagemaker SDK, and nothing has ever run on AWS: docs/endpoint.md lists what has been shown and what has not.
"""
