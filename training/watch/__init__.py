"""Does the endpoint still see what its model was made for? Captured requests and replies beside the model's baseline.

`captured` reads what SageMaker's data capture wrote, `measures` says what is looked at, `window` gathers a stretch of
traffic, `baseline` is what it is held against (`make` makes one), `drift` judges, `page` writes it down, `metrics` and
`review` speak to CloudWatch. Only `make` runs a model; the rest needs neither torch nor onnxruntime.
"""
