"""Make the pictures of the README and the docs: `.venv/bin/python -m devtools.screenshots`.

Starts a product of its own, deploys a few models (one of them broken), and
takes the pages in a headless Chromium.
"""

import shutil
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import sign_in
from tests.e2e.stack import Stack, deployment_of, until

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "images"
WISHES = (
    {"name": "house-prices", "image": "local/house:1.0", "replicas": 2, "service": {"type": "NodePort"}},
    {"name": "iris", "image": "local/iris:1.0", "replicas": 3, "service": {"type": "NodePort"}},
    {"name": "sentiment", "image": "local/sentiment:1.0"},
    {"name": "churn", "image": "local/crash:1.0"},
)
GROWING = {"min_replicas": 2, "max_replicas": 6, "target_cpu_percent": 70}
SCHEDULES = (
    {"cron": "0 8 * * 1-5", "min_replicas": 3, "max_replicas": 8},
    {"cron": "0 20 * * *", "min_replicas": 1, "max_replicas": 2},
)
SETTLED = {"running", "failed"}
# file name: address, width and height of the window, colour scheme
SHOTS: dict[str, tuple[str, int, int, str]] = {
    "overview": ("/", 1440, 720, "light"),
    "deployment": ("/deployments/pricing/house-prices/", 1440, 820, "light"),
    "deployment-dark": ("/deployments/pricing/house-prices/", 1440, 820, "dark"),
    "new": ("/deployments/new", 1440, 900, "light"),
    "scaling": ("/deployments/pricing/iris/scaling/", 1440, 960, "light"),
    "usage": ("/usage/?window=1h", 1440, 1180, "light"),
    "phone": ("/deployments/", 390, 844, "dark"),
}


def main() -> None:
    """Write every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "data").start()
        try:
            with stack.client("lead") as api:
                deploy(api)
                scale_by_itself(api, "iris")
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                for name, shot in SHOTS.items():
                    take(chromium, stack, name, *shot)
                chromium.close()
        finally:
            stack.stop()


def deploy(api: httpx.Client) -> None:
    """Ask for the deployments and wait until each has settled, well or badly."""
    for wish in WISHES:
        api.post("/teams/pricing/deployments/", json=wish).raise_for_status()
    for wish in WISHES:
        name = str(wish["name"])
        until(
            f"{name} has settled",
            lambda name=name: deployment_of(api, name)["status"]["state"] in SETTLED,  # type: ignore[misc]
        )


def scale_by_itself(api: httpx.Client, name: str) -> None:
    """An autoscaler that has decided something, with a schedule for the day and one for the night."""
    one = f"/teams/pricing/deployments/{name}/"
    api.patch(one, json={"autoscaling": GROWING}).raise_for_status()
    for schedule in SCHEDULES:
        api.post(f"{one}schedules/", json=schedule).raise_for_status()
    until(
        "the autoscaler has decided",
        lambda: (deployment_of(api, name)["autoscaler"] or {}).get("desired_replicas"),
        seconds=120,
    )


def fill_in(page: Page) -> None:
    """The form as it looks once its image is typed: with manifests, and what the cluster says of them."""
    page.get_by_label("Image", exact=True).press_sequentially("local/house:2.0")
    page.locator("#preflight .check-cost").wait_for(timeout=60_000)


def take(chromium: Browser, stack: Stack, name: str, path: str, width: int, height: int, scheme: str) -> None:
    """One picture."""
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = sign_in(context.new_page(), stack, "deployer")
    page.goto(stack.url + path, wait_until="load")
    if name == "new":
        fill_in(page)
    page.screenshot(path=PICTURES / f"{name}.png")
    context.close()


if __name__ == "__main__":
    main()
