"""A whole warehouse at once: photos that lie under a prefix already, judged and recorded as if they had just landed.

`listing` finds the photos, `counting` has SageMaker Batch Transform count them, `recording` puts each through the
checker's own path. All three write into one `ledger`, which is how each goes on where it was stopped.
"""
