"""Django's library `i18n`, except that plain words of a template are looked up once per language.

For each `{% translate "Save" %}` Django makes a text that is to be translated later, translates it, and
escapes what is safe already; a page with a hundred of them is a tenth slower for it.
"""

from django import template
from django.template.base import FilterExpression, Node, Parser, Token
from django.template.context import Context
from django.templatetags import i18n
from django.utils.translation.trans_real import DjangoTranslation, catalog

register = template.Library()
register.tags.update(i18n.register.tags)
register.filters.update(i18n.register.filters)


class KeptWords(Node):
    """What `node` says in each language: it depends on nothing else."""

    child_nodelists = ()

    def __init__(self, node: i18n.TranslateNode) -> None:
        self._node = node
        # By catalogue, of which there is one for each language, until tests change it.
        self._kept: dict[DjangoTranslation, str] = {}

    def render(self, context: Context) -> str:
        language = catalog()
        words = self._kept.get(language)
        if words is None:
            words = self._node.render(context)
            if isinstance(language, DjangoTranslation):
                self._kept[language] = words
        return words


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> Node:
    node = i18n.do_translate(parser, token)
    plain = _is_plain(node.filter_expression) and (
        node.message_context is None or _is_plain(node.message_context)
    )
    return KeptWords(node) if plain and not node.asvar else node


def _is_plain(expression: FilterExpression) -> bool:
    """Whether it is words in quotes, as they are."""
    var = expression.var
    return not expression.filters and (isinstance(var, str) or var.literal is not None)
