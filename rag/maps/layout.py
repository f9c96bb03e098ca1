"""Vectors -> points of a plane: principal components, or UMAP (McInnes, Healy & Melville 2018) from these.

Which is better is measured by eval/bench_map.py: UMAP keeps far more of what is near near.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rag.errors import MissingExtraError
from rag.types import Vectors

Method: TypeAlias = Literal["umap", "pca"]
Points: TypeAlias = npt.NDArray[np.float32]
Tell: TypeAlias = Callable[[int, int], None]
"""(done, of how many); it may raise, which ends the work."""

COMPONENTS = 50  # of the vectors; UMAP of these is as faithful as of the vectors themselves, and quicker
NEIGHBOURS = 15  # the passage itself included; these and the next two are UMAP's own defaults
MIN_DIST, SPREAD = 0.1, 1.0
# as UMAP chooses them: more where there are few points
EPOCHS, EPOCHS_OF_FEW, FEW = 200, 500, 10_000


def principal(vectors: Vectors) -> Points:
    """(n, dim) -> the first principal components (n, 2 to ``COMPONENTS``), all 0 where all vectors are equal."""
    if len(vectors) < 2 or not np.ptp(vectors, axis=0).any():
        return np.zeros((len(vectors), 2), np.float32)
    from sklearn.decomposition import PCA

    kept = min(COMPONENTS, *vectors.shape)
    found = PCA(kept, svd_solver="covariance_eigh").fit_transform(vectors.astype(np.float64))
    return np.pad(found, ((0, 0), (0, max(0, 2 - kept)))).astype(np.float32)


def unfolded(components: Points, *, seed: int, neighbours: Tell, epochs: Tell) -> Points:
    """Principal components (n, d) -> points (n, 2) by UMAP, begun at the first two; n > ``NEIGHBOURS``.

    The same for the same input and seed: it runs in one thread. Raises MissingExtraError.
    """
    import faiss

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # that there is no TensorFlow
            from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding
    except ImportError as error:
        raise MissingExtraError(f"{error.name} is not installed", hint="pip install 'ragstone[maps]'") from error
    neighbours(0, 2)
    squares, nearest = faiss.knn(components, components, NEIGHBOURS)
    neighbours(1, 2)
    random = np.random.RandomState(seed)
    distances = np.sqrt(np.maximum(squares, 0))
    graph, _, _ = fuzzy_simplicial_set(
        components, NEIGHBOURS, random, "euclidean", knn_indices=nearest, knn_dists=distances
    )
    a, b = find_ab_params(SPREAD, MIN_DIST)
    points, _ = simplicial_set_embedding(
        components,
        graph,
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=EPOCHS_OF_FEW if len(components) <= FEW else EPOCHS,
        init=components[:, :2],
        random_state=random,
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        tqdm_kwds={"file": _Epochs(epochs), "disable": False, "mininterval": 0.25, "bar_format": "{n} {total}"},
    )
    return np.ascontiguousarray(points, np.float32)


class _Epochs:
    """What UMAP's progress bar is written to: the one place where it can be told, and stopped."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def write(self, text: str) -> None:
        counts = text.split()
        if len(counts) == 2:  # not the line that ends the bar
            self._tell(int(counts[0]), int(counts[1]))

    def flush(self) -> None:
        """There is nothing to flush."""
