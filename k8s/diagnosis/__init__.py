"""Why a deployment is not as it should be: one sentence of cause, evidence, advice, and a fix."""

from k8s.diagnosis.case import Case, Diagnosis, Evidence, Fix, Text
from k8s.diagnosis.rules import diagnose
from k8s.diagnosis.words import WORDS

__all__ = ["WORDS", "Case", "Diagnosis", "Evidence", "Fix", "Text", "diagnose"]
