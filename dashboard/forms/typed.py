"""A form as it was typed: text by the API's JSON path, the domain's messages by the same path.

It holds no rule. What is typed goes to the domain in the shape of the REST contract, and its
messages come back to the field, or to the row of a list, that they are about.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from django.http import QueryDict

from deployments.errors import DomainError, NotFound, PermissionDenied

BLANK_ROWS = 2


@dataclass
class Row:
    """One line of a list, as typed, with what is wrong with it."""

    cells: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ListField:
    """A list of rows at `path`, each with texts and choices; `choices` has what a new row says."""

    path: str
    texts: tuple[str, ...]
    choices: Mapping[str, str] = field(default_factory=dict)

    def typed(self, data: QueryDict) -> list[Row]:
        """The rows that say something; a row without any text is dropped."""
        columns = (*self.texts, *self.choices)
        lists = [data.getlist(f"{self.path}.{column}") for column in columns]
        rows = [
            {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
            for cells in zip_longest(*lists, fillvalue="")
        ]
        return [Row(cells) for cells in rows if any(cells[column] for column in self.texts)]

    def blank(self) -> Row:
        return Row({**dict.fromkeys(self.texts, ""), **self.choices})


@dataclass
class TypedForm:
    """`values` and `errors` by path; `rows` by the path of their list, of which `lists` has the columns."""

    values: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    lists: tuple[ListField, ...] = ()

    def read(self, data: QueryDict, names: Iterable[str]) -> None:
        """Take in what a browser sent."""
        self.values = {name: data.get(name, "").strip() for name in names}
        self.rows = {one.path: one.typed(data) for one in self.lists}

    def refuse(self, error: DomainError) -> None:
        """Put the domain's messages where they belong; what belongs nowhere is said above the form."""
        for problem in error.errors:
            self.mark(problem.field, problem.message)
        if not self.has_errors:
            self.errors[""] = [error.detail or error.title]

    def mark(self, path: str, message: str) -> None:
        """Say `message` at the field of `path`, or at the nearest one around it."""
        name, _, rest = path.partition("[")
        index = rest.partition("]")[0]
        rows = self.rows.get(name, [])
        if index.isdecimal() and int(index) < len(rows):
            rows[int(index)].errors.append(message)
            return
        place = name
        while place and place not in self.values and place not in self.rows:
            place = place.rpartition(".")[0]
        self.errors.setdefault(place, []).append(message)

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(row.errors for rows in self.rows.values() for row in rows)

    @property
    def loose_errors(self) -> list[str]:
        """Messages about no field that the page shows."""
        return self.errors.get("", [])

    @property
    def every_error(self) -> list[tuple[str, str]]:
        """Each message with the id of the field or the list it is about; "" for none."""
        found = [
            (
                f"rows-{path}" if path in self.rows else path.replace(".", "-"),
                f"{path.replace('_', ' ').replace('.', ' ').capitalize()}: {text}",
            )
            for path, texts in self.errors.items()
            for text in texts
        ]
        for one in self.lists:
            for number, row in enumerate(self.rows.get(one.path, []), start=1):
                name = row.cells[one.texts[0]] or f"Row {number}"
                found += [(f"rows-{one.path}", f"{name}: {text}") for text in row.errors]
        return found

    @property
    def first_error(self) -> str:
        """The field that gets the focus; "" when none has an error."""
        return next((path for path in self.values if path in self.errors), "")

    @property
    def padded_rows(self) -> dict[str, list[Row]]:
        """The rows there are, and some to fill in: adding one needs no JavaScript."""
        return {
            one.path: [*self.rows.get(one.path, []), *(one.blank() for _ in range(BLANK_ROWS))]
            for one in self.lists
        }


def refused(write: Callable[[], object]) -> DomainError | None:
    """Does the write. None when it is done; else why not, to be said on the page it was asked from.

    Raises:
        NotFound, PermissionDenied: about the whole page.
    """
    try:
        write()
    except (NotFound, PermissionDenied):
        raise
    except DomainError as error:
        return error
    return None


def refused_form(form: TypedForm, write: Callable[[], object]) -> int | None:
    """Does the write, unless the form has a mistake already.

    None when it is done; else the status of the refusal, whose words are then in the form.

    Raises:
        NotFound, PermissionDenied: about the whole page.
    """
    if form.has_errors:
        return 422
    error = refused(write)
    if error is None:
        return None
    form.refuse(error)
    return error.status
