"""What was used over time: measured, sampled each minute, added up; or read from Prometheus."""
