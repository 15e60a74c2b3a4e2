"""Asks a server by NVIDIA's client for the Open Inference Protocol, and prints what it understood as JSON.

usage: tritonClient.py HOST:PORT MODEL JSON_OF_VALUES
"""
import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address, model, values = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = http.InferenceServerClient(address, concurrency=4)
x = np.array(values, dtype=np.float32).reshape(-1, 8, 1)


def infer(binary, **named):
    given = http.InferInput("x", list(x.shape), "FP32")
    given.set_data_from_numpy(x, binary_data=binary)
    wanted = [http.InferRequestedOutput("forecast", binary_data=binary)]
    return client.infer(model, [given], outputs=wanted, **named).as_numpy("forecast").ravel().tolist()


def refused(shape, datatype):
    given = http.InferInput("x", shape, datatype)
    given.set_data_from_numpy(np.zeros(shape, dtype=np.float64 if datatype == "FP64" else np.float32))
    try:
        client.infer(model, [given])
        return None
    except InferenceServerException as error:
        return [error.status(), error.message()]


given = http.InferInput("x", list(x.shape), "FP32")
given.set_data_from_numpy(x)
pending = [client.async_infer(model, [given]) for _ in range(20)]
print(json.dumps({
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready(model),
    "server": client.get_server_metadata(),
    "model": client.get_model_metadata(model),
    "index": client.get_model_repository_index(),
    "binary": infer(True),
    "json": infer(False),
    "by_version": infer(True, model_version="1", request_id="r1"),
    "async": [each.get_result().as_numpy("forecast").ravel().tolist() for each in pending],
    "refused": [refused([1, 7, 1], "FP32"), refused([1, 8, 1], "FP64")],
}))
