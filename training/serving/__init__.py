"""The model server: what runs inside the endpoint's container.

May import onnxruntime, pillow, numpy, starlette and uvicorn. No torch, so that the container stays small, and
nothing of `chalicelib`, so that the endpoint knows only photos and counts.
"""
