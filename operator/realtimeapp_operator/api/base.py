"""The model base and the bounded building blocks of the RealtimeApp schema.

Every string has a maximum length and, where a grammar exists, a pattern; every number has both bounds; every list a
maximum. The API server enforces them through the generated CRD and the offline check through pydantic: one source.
A pattern comes with the sentence a person reads when it is not met, also on the API server.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from realtimeapp_operator import names

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue


class Model(BaseModel):
    """Immutable model with camelCase names on the wire; unknown fields are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
    )


HINTS: Final[dict[str, str]] = {}
"""Pattern -> the sentence for a person whose value does not match it; filled by `grammar`."""

DUPLICATE: Final = "duplicate_item"
"""Error type of a list item that is there twice; its context has `index` and `value`."""


def grammar(pattern: str, hint: str, *, longest: int, shortest: int = 0) -> Any:  # noqa: ANN401 - pydantic.Field's own type
    """Constrain a string to `pattern` and `shortest` to `longest` characters; `hint` says what is accepted."""
    HINTS[pattern] = hint
    return Field(pattern=pattern, min_length=shortest or None, max_length=longest)


@dataclasses.dataclass(frozen=True)
class Unique:
    """Marks a list whose items are unique: as a whole, or by the attributes in `keys`.

    The CRD gets `x-kubernetes-list-type` set or map, so server-side apply merges by item.
    """

    keys: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Refuse a second item with the same key."""
        return core_schema.no_info_after_validator_function(self._refuse_twins, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say it in Kubernetes' words."""
        result = handler(schema)
        result["x-kubernetes-list-type"] = "map" if self.keys else "set"
        if self.keys:
            result["x-kubernetes-list-map-keys"] = [to_camel(key) for key in self.keys]
        return result

    def _refuse_twins(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        seen = set()
        for index, item in enumerate(items):
            key = tuple(getattr(item, name) for name in self.keys) if self.keys else (item,)
            if key in seen:
                value = ", ".join(str(part) for part in key)
                context = {"index": index, "value": value}
                raise PydanticCustomError(DUPLICATE, "must be unique: {value} is there twice", context)
            seen.add(key)
        return items


DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
HOST = r"^(\*|(\*?\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$"
PYTHON_MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
COMMAND_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""A management command is a Python module; some packages write theirs in camel case."""


def _cron_field(value: str) -> str:
    item = rf"(\*|{value}(-{value})?)(/[1-9][0-9]?)?"
    return f"{item}(,{item})*"


_CRON_FIELDS = (
    r"[0-5]?[0-9]",
    r"([01]?[0-9]|2[0-3])",
    r"(0?[1-9]|[12][0-9]|3[01])",
    r"(0?[1-9]|1[0-2]|[A-Za-z]{3})",
    r"([0-6]|[A-Za-z]{3})",
)
CRON = f"^(@(yearly|monthly|weekly|daily|hourly)|{' '.join(_cron_field(value) for value in _CRON_FIELDS)})$"
"""Minute, hour, day of month, month, day of week (0 to 6), as the CronJob controller reads them."""


_LABEL = "must consist of lower-case letters, digits and '-', and start and end with a letter or digit"
_OBJECT = (
    "must be the name of an object: lower-case letters, digits, '-' and '.', "
    "starting and ending with a letter or digit"
)

Label = Annotated[str, grammar(DNS_LABEL, _LABEL, shortest=1, longest=63)]
PartName = Annotated[str, grammar(DNS_LABEL, _LABEL, shortest=1, longest=names.PART_NAME_MAX)]
ObjectName = Annotated[str, grammar(DNS_SUBDOMAIN, _OBJECT, shortest=1, longest=253)]
Host = Annotated[
    str,
    grammar(
        HOST,
        "must be a host name in lower case, such as shop.example.com, without scheme, port or path",
        shortest=1,
        longest=253,
    ),
]
"""A host name; wildcards pass the grammar so that `rules` can say why they are refused."""
SecretKey = Annotated[
    str,
    grammar(
        r"^[-._a-zA-Z0-9]+$",
        "must be a key: letters, digits, '-', '_' and '.'",
        shortest=1,
        longest=253,
    ),
]
Image = Annotated[
    str,
    grammar(
        r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$",
        "must be an image reference such as registry.example.com/shop:1.4.2",
        shortest=1,
        longest=512,
    ),
]
PythonModule = Annotated[
    str,
    grammar(PYTHON_MODULE, "must be a Python module with dots, such as shop.settings", longest=255),
]
PythonObject = Annotated[
    str,
    grammar(
        r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$",
        "must be module:attribute, such as shop.asgi:application",
        longest=255,
    ),
]
UrlPath = Annotated[
    str,
    grammar(
        r"^/[A-Za-z0-9._~/-]*$",
        "must be a path that starts with / and has only letters, digits and . _ ~ / -",
        shortest=1,
        longest=256,
    ),
]
Quantity = Annotated[
    str,
    grammar(
        r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$",
        "must be a quantity such as 500m, 256Mi or 1Gi",
        shortest=1,
        longest=32,
    ),
]
Argument = Annotated[str, grammar(r"^[^\x00]*$", "must not contain a NUL character", longest=1024)]
EnvName = Annotated[
    str,
    grammar(
        r"^[A-Za-z_][A-Za-z0-9_]*$",
        "must be a variable name: letters, digits and '_', not starting with a digit",
        shortest=1,
        longest=128,
    ),
]
LabelKey = Annotated[
    str,
    grammar(
        r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        "must be a label key such as team or example.com/team",
        shortest=1,
        longest=317,
    ),
]
LabelValue = Annotated[
    str,
    grammar(
        r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        "must be a label value: letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
        longest=63,
    ),
]
Cron = Annotated[
    str,
    grammar(
        CRON,
        'must be five cron fields in their ranges such as "17 3 * * *", '
        "or @hourly, @daily, @weekly, @monthly or @yearly",
        shortest=1,
        longest=100,
    ),
]
TimeZone = Annotated[
    str,
    grammar(
        r"^[A-Za-z][A-Za-z0-9_+/-]*$",
        "must be a name of the time zone database such as Europe/Berlin",
        shortest=1,
        longest=64,
    ),
]
Cidr = Annotated[
    str,
    grammar(
        r"^[0-9a-fA-F:.]+/[0-9]{1,3}$",
        "must be a network in CIDR form such as 10.42.7.0/24",
        shortest=1,
        longest=43,
    ),
]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=32)]


class SecretKeyRef(Model):
    """One key of a Secret in the application's namespace."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the RealtimeApp.")
    key: SecretKey = Field(description="Key inside the Secret.")
