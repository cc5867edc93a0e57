"""Fits local/sentiment 1.0: `python training/sentiment.py FOLDER` writes its coefficients.json.

FOLDER is hutto_ICWSM_2014, an archive inside the source distribution of the package vaderSentiment
(additional_resources/). Needs scikit-learn.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

IMAGE = Path(__file__).resolve().parent.parent / "sentiment" / "1.0"
FILES = ["tweets", "movieReviewSnippets", "amazonReviewSnippets"]
# People rated each text from -4 to 4; what they found near neutral teaches nothing about the two ends.
CLEAR = 0.5


def main() -> None:
    """Train on the clear texts; keep only the terms whose weight matters."""
    texts, positive = read(Path(sys.argv[1]))
    word = r"[a-z']+"
    words = CountVectorizer(token_pattern=word, ngram_range=(1, 2), min_df=4, binary=True)
    counts = words.fit_transform(texts)
    model = LogisticRegression(C=0.5, max_iter=2000)
    accuracy = round(float(cross_val_score(model, counts, positive, cv=5).mean()), 3)
    print(len(texts), "texts,", counts.shape[1], "terms, accuracy", accuracy)
    model.fit(counts, positive)
    terms = words.get_feature_names_out()
    weights = {str(term): round(float(value), 3) for term, value in zip(terms, model.coef_[0], strict=True)}
    stored = {
        "kind": "bag_of_words",
        "source": "Human-rated tweets, film and product reviews of VADER (Hutto and Gilbert 2014), MIT",
        "cross_validation": {"accuracy": accuracy, "texts": len(texts)},
        "intercept": round(float(model.intercept_[0]), 6),
        "weights": {term: value for term, value in sorted(weights.items()) if abs(value) >= 0.05},
    }
    (IMAGE / "coefficients.json").write_text(json.dumps(stored, indent=0) + "\n")


def read(folder: Path) -> tuple[list[str], list[int]]:
    """Texts and whether each is positive (1) or negative (0)."""
    texts, positive = [], []
    for name in FILES:
        for line in (folder / f"{name}_GroundTruth.txt").read_text(encoding="latin-1").splitlines():
            _, rating, text = line.split("\t", 2)
            if abs(float(rating)) >= CLEAR:
                texts.append(text.lower())
                positive.append(int(float(rating) > 0))
    return texts, positive


if __name__ == "__main__":
    main()
