"""The labels and annotations we write on a cluster's objects."""

from typing import Final

MANAGED_BY: Final = "timoneiro"
MANAGER: Final = "app.kubernetes.io/managed-by"
MANAGED_BY_US: Final = f"{MANAGER}={MANAGED_BY}"
"""Label selector of everything that is ours."""

INSTANCE: Final = "app.kubernetes.io/instance"
TEAM: Final = "timoneiro.dev/team"
MODEL: Final = "timoneiro.dev/model"
MODEL_VERSION: Final = "timoneiro.dev/model-version"
REVISION: Final = "timoneiro.dev/revision"
"""On the Deployment and the Service, not on pods: a revision that changes only
the Service or the rollout must not replace pods."""

TEMPLATE: Final = "timoneiro.dev/template"
"""On pods: a fingerprint of the template they were made from."""

RESTARTED_AT: Final = "timoneiro.dev/restarted-at"
CHANGE_CAUSE: Final = "kubernetes.io/change-cause"
