"""|last - mean| of a window, as a model of MLServer."""

import numpy
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Distance(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (window,) = payload.inputs
        values = NumpyCodec.decode_input(window)
        if values.ndim != 2:
            raise ValueError(f"a window is [batch, values], not {values.shape}")
        scores = numpy.abs(values[:, -1] - values.mean(axis=1))
        output = NumpyCodec.encode_output("score", scores)
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])
