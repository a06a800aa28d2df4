"""Everything that makes and ships the model; of the checker it knows only the domain and the decision."""

import os

# The wheels of onnxruntime report their use to Microsoft and keep an identifier of the device at home, unless
# they find this when they are loaded: https://github.com/microsoft/onnxruntime/pull/27379
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
