"""Who receives alerts: a queue's reader and a webhook, ready to run and to be changed. See docs/alerts.md.

    signature   whether a message comes from our topic
    inbox       what was received and not worked off yet, each alert once
    handling    what is done with an alert
    webhook     receives over HTTPS
    sqs         receives from a queue

`signature` needs `cryptography`, `sqs` needs `boto3`, fetching a certificate needs `urllib3`; the rest needs nothing.
"""
