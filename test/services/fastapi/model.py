"""A model as it is often put behind HTTP: |last - mean| of a window, by FastAPI with its checks of what comes."""

import asyncio
import os
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field

TOKEN = os.environ.get("TOKEN")
app = FastAPI()


def authorized(authorization: Annotated[str | None, Header()] = None) -> None:
    if TOKEN is not None and authorization != f"Bearer {TOKEN}":
        raise HTTPException(401, "a token is wanted")


Window = Annotated[list[float], Field(min_length=2)]


class Batch(BaseModel):
    model_config = {"extra": "forbid"}
    inputs: list[Window]


class Single(BaseModel):
    model_config = {"extra": "forbid"}
    window: Window


class Score(BaseModel):
    score: float


class Predictions(BaseModel):
    predictions: list[Score]


def distance(window: list[float]) -> float:
    return abs(window[-1] - sum(window) / len(window))


@app.get("/healthz")
def healthz() -> dict[str, bool]:
    return {"ok": True}


@app.post("/predict", dependencies=[Depends(authorized)])
def predict(batch: Batch) -> Predictions:
    return Predictions(predictions=[Score(score=distance(window)) for window in batch.inputs])


@app.post("/score", dependencies=[Depends(authorized)])
def score(single: Single) -> Score:
    return Score(score=distance(single.window))


@app.post("/slow", dependencies=[Depends(authorized)])
async def slow(batch: Batch) -> Predictions:
    """Far too late for more than two windows."""
    if len(batch.inputs) > 2:
        await asyncio.sleep(60)
    return predict(batch)


@app.post("/broken", dependencies=[Depends(authorized)])
def broken(batch: Batch) -> Predictions:
    if len(batch.inputs) > 2:
        raise RuntimeError("out of memory")
    return predict(batch)
