"""Words for the catalogue that stand in no template and in no sentence of Python: those of the scripts,
states, roles and others that stand alone.

Scripts say `t("English words")`; a page in another language brings those of the scripts that it has.
"""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

SCRIPTS = {
    "app": (
        _("live"),
        _("reconnecting"),
        _("connecting"),
        _("signed out"),
        _("You have been signed out. Copy what you typed, then reload the page to sign in."),
        _("{time} ago"),
        _("in {time}"),
        _("Copied."),
        _("The browser does not allow copying here. Select the text instead."),
    ),
    "form": (
        _("No preview: the server did not answer. What you typed is still here."),
        _("as the size"),
        _("value"),
    ),
    "list": (_("{count} chosen"),),
    "logs": (
        _("{count} line"),
        _("{count} lines"),
        _("{count} skipped"),
        _("{count} older ones no longer kept here"),
        _("{count} new line"),
        _("{count} new lines"),
        _("{count} line skipped: they came faster than this page takes them."),
        _("{count} lines skipped: they came faster than this page takes them."),
        _("The connection was interrupted. Lines may be missing here."),
        _("Connecting..."),
        _("Reconnecting..."),
        _("Following: new lines appear here."),
        _("The stream has ended. Reload to go on."),
        _("Following is not possible right now."),
        _("Stopped following."),
        _("Copied {count} lines."),
        _("The browser does not allow copying here. Download the lines instead."),
        _("This is no regular expression: {why}."),
        _("The search cannot run here."),
        _("This pattern takes too long. Try a simpler one."),
    ),
    "passkeys": (
        _("This passkey is registered already."),
        _("It was cancelled, took too long, or there is no passkey for this site here."),
        _("The browser could not do it here. Try another browser, or your password."),
    ),
    "usage-chart": (
        _("not known"),
        _("pieces"),
        _("chart"),
        _("{title}: {lines}. Arrow keys move along it."),
    ),
}
"""What each of `static/js` says; the log viewer's files together."""

STATES = (
    _("pending"),
    _("deploying"),
    _("running"),
    _("degraded"),
    _("failed"),
    _("paused"),
    _("deleting"),
    _("unknown"),
    _("deleted"),
    _("queued"),
    _("applying"),
    _("waiting"),
    _("succeeded"),
    _("superseded"),
    _("delivered"),
    _("connected"),
    _("unreachable"),
    _("disconnected"),
)
"""Of deployments, operations, deliveries, clusters and checks."""

WORDS = (
    _("viewer"),
    _("deployer"),
    _("lead"),
    _("admin"),
    _("member"),
    _("read"),
    _("deploy"),
    _("limit"),
    _("never"),
    _("light"),
    _("dark"),
    _("auto"),
)
"""Single words of sentences and lists, which stand where something is filled in or alone in a cell."""


def words_of(script: str) -> dict[str, str]:
    """The words of a script in the active language, by the English ones; only those that are others."""
    return {english: words for english in SCRIPTS[script] if (words := gettext(english)) != english}
