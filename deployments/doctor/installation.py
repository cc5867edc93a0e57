"""This machine's part: Python and its packages, the data directory, static files, what production needs."""

import os
import re
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage

from deployments.doctor.findings import Area

_TESTED: Final = ((3, 11), (3, 14))
_MEGABYTE: Final = 1_000_000
_TOO_LITTLE: Final = 200 * _MEGABYTE
_LITTLE: Final = 1000 * _MEGABYTE
_PRIVATE: Final = ("secrets.json", "passwords", "timoneiro.sqlite3", "run/environment")
# "name==1.2 ; marker \" and "name[extra]==1.2 \": what `./dev lock` writes.
_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)\s*(;?)", re.MULTILINE)


def look_at_versions(area: Area) -> None:
    python = sys.version_info[:2]
    area.note(f"Python {'.'.join(str(part) for part in sys.version_info[:3])}")
    if not _TESTED[0] <= python <= _TESTED[1]:
        area.warning(
            "python_version",
            f"Python {python[0]}.{python[1]} is not one that is tested.",
            why="Some package may behave differently.",
            remedy="Use Python 3.11, as the image does.",
        )
    file = Path(settings.BASE_DIR) / "requirements.txt"
    if not file.exists():
        area.note("packages not compared: there is no requirements.txt here")
        return
    wrong = _differing(file.read_text())
    if wrong:
        listed = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        area.problem(
            "packages_differ",
            f"{len(wrong)} packages are not those of requirements.txt: {listed}.",
            why="These versions were never tested together.",
            remedy=f"{sys.executable} -m pip install --require-hashes -r {file} (./dev does it by itself)",
        )
    else:
        area.note("packages as pinned")


def _differing(text: str) -> list[str]:
    wrong = []
    for name, version, condition in _PINNED.findall(text):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            # What is needed on some machines alone may rightly be missing on this one.
            if not condition:
                wrong.append(f"{name} {version} is missing")
            continue
        if installed != version:
            wrong.append(f"{name} is {installed}, not {version}")
    return wrong


def look_at_data_dir(area: Area) -> None:
    folder = Path(settings.DATA_DIR)
    if not folder.is_dir():
        area.problem(
            "data_dir_missing",
            f"DATA_DIR {folder} is not a directory.",
            why="Static files, the counts for Prometheus and SQLite have no place.",
            remedy=f"install -d -m 0700 {folder}; in a container: mount a volume there",
        )
        return
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        area.problem(
            "data_dir_not_writable",
            f"DATA_DIR {folder} cannot be written to: {exc.strerror or exc}",
            why="The processes do not start, or count and collect nothing.",
            remedy=f"Give it to the account of the processes (uid {os.geteuid()}): "
            f"chown -R {os.geteuid()} {folder}",
        )
    _look_at_space(area, folder)
    readable = [
        name for name in _PRIVATE if (folder / name).exists() and (folder / name).stat().st_mode & 0o077
    ]
    # Nobody else comes as far as the files where the folder itself is closed.
    if readable and folder.stat().st_mode & 0o077:
        area.problem(
            "files_readable_by_others",
            f"Others on this machine may read {', '.join(readable)} in {folder}.",
            why="Keys, passwords or the database are in them.",
            remedy=f"chmod 700 {folder}; chmod 600 {' '.join(str(folder / name) for name in readable)}",
        )


def _look_at_space(area: Area, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    area.note(f"{free // _MEGABYTE} MB free below {folder}")
    if free >= _LITTLE:
        return
    said = f"{free // _MEGABYTE} MB are free below DATA_DIR {folder}."
    why = "Without space SQLite stores no wish, and nothing is counted or collected."
    remedy = f"Make room or enlarge the volume; what takes it: du -xh {folder} | sort -h | tail"
    if free < _TOO_LITTLE:
        area.problem("disk_full", said, why=why, remedy=remedy)
    else:
        area.warning("disk_nearly_full", said, why=why, remedy=remedy)


def look_at_static_files(area: Area) -> None:
    collected: dict[str, str] | None = getattr(staticfiles_storage, "hashed_files", None)
    if collected is None or getattr(settings, "SERVESTATIC_USE_FINDERS", False):
        area.note("served from the source folders")
        return
    wanted = {path for finder in finders.get_finders() for path, _ in finder.list([])}
    missing = sorted(
        path for path in wanted if path not in collected or not staticfiles_storage.exists(collected[path])
    )
    if missing:
        area.problem(
            "static_files_missing",
            f"{len(missing)} of {len(wanted)} static files are not collected in {settings.STATIC_ROOT}, "
            f"for instance {missing[0]}.",
            why="Pages fail, or come without their looks and live updates.",
            remedy="python manage.py collectstatic --noinput (after each upgrade)",
        )
    else:
        area.note(f"{len(wanted)} static files collected")


def look_at_production(area: Area) -> None:
    if not settings.SECURE_SSL_REDIRECT:
        area.note("settings of one machine: nothing is served beyond it")
        return
    if settings.DEBUG:
        area.problem(
            "debug",
            "DEBUG is on.",
            why="Pages of errors show settings and code to everybody.",
            remedy="Use DJANGO_SETTINGS_MODULE=dashboard.settings.production as it is.",
        )
    _look_at_hosts(area)
    if not settings.METRICS_TOKEN:
        area.warning(
            "metrics_token_missing",
            "METRICS_TOKEN is empty: nobody may read /metrics.",
            why="Nothing warns you when workers or the observer stop.",
            remedy="Set one, and give it to Prometheus (docs/metrics.md): openssl rand -hex 32",
        )


def _look_at_hosts(area: Area) -> None:
    if "*" in settings.ALLOWED_HOSTS:
        area.problem(
            "allowed_hosts_open",
            "ALLOWED_HOSTS has '*': any name in a request's Host is believed.",
            why="Links in answers and caches can be made to lead elsewhere.",
            remedy="Name what people type: ALLOWED_HOSTS=deploy.example.com",
        )
    plain = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if not origin.startswith("https://")]
    if plain:
        area.problem(
            "csrf_origin_plain",
            f"CSRF_TRUSTED_ORIGINS has {', '.join(plain)}, which is not https.",
            why="Whoever can change plain traffic may post forms in people's names.",
            remedy=f"CSRF_TRUSTED_ORIGINS=https://{settings.ALLOWED_HOSTS[0].lstrip('.*')}",
        )
    initial = Path(settings.DATA_DIR) / "passwords"
    if initial.exists():
        area.warning(
            "first_passwords_kept",
            f"The accounts' first passwords still lie in {initial}.",
            why="Whoever reads the volume signs in as an admin, until they are changed.",
            remedy=f"Sign in, change them under Account, then: rm {initial}",
        )
