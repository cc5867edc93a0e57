"""Fits local/iris 1.0: `python training/iris.py` writes its coefficients.json (needs scikit-learn)."""

from __future__ import annotations

import json
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

IMAGE = Path(__file__).resolve().parent.parent / "iris" / "1.0"


def main() -> None:
    """Train on all 150 flowers; the score is cross-validated."""
    flowers = load_iris()
    model = LogisticRegression(max_iter=2000)
    accuracy = round(float(cross_val_score(model, flowers.data, flowers.target, cv=5).mean()), 3)
    print("accuracy", accuracy)
    model.fit(flowers.data, flowers.target)
    stored = {
        "kind": "softmax",
        "source": "Fisher's iris flowers (1936), as bundled with scikit-learn",
        "cross_validation": {"accuracy": accuracy},
        "features": ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"],
        "labels": [str(name) for name in flowers.target_names],
        "intercepts": [round(float(value), 8) for value in model.intercept_],
        "weights": [[round(float(value), 8) for value in row] for row in model.coef_],
    }
    (IMAGE / "coefficients.json").write_text(json.dumps(stored, indent=2) + "\n")


if __name__ == "__main__":
    main()
