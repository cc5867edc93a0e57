"""The forms of a cluster's connection: a kubeconfig, typed or as a file, and a team's namespace."""

from django.http import HttpRequest, QueryDict

from dashboard.forms.typed import TypedForm
from deployments.models import Cluster, Namespace
from deployments.spec.clusters import LONGEST_KUBECONFIG

TEXTS = ("name", "kubeconfig", "context", "node_address")
BOXES = ("in_cluster", "allow_insecure_tls")


class ConnectionForm(TypedForm):
    """How to reach a cluster. What was stored is never shown again."""

    @classmethod
    def typed(cls, request: HttpRequest) -> "ConnectionForm":
        """Takes a file instead of the text where one was chosen."""
        form = cls()
        form.read(request.POST, TEXTS)
        form.values |= {box: "true" if "true" in request.POST.getlist(box) else "false" for box in BOXES}
        file = request.FILES.get("kubeconfig_file")
        if file is None:
            return form
        content = file.read(LONGEST_KUBECONFIG + 1)
        try:
            form.values["kubeconfig"] = content.decode()
        except UnicodeDecodeError:
            form.mark("kubeconfig", "The file is no text: choose a kubeconfig.")
        return form

    @classmethod
    def of(cls, cluster: Cluster | None) -> "ConnectionForm":
        values = {**dict.fromkeys(TEXTS, ""), **dict.fromkeys(BOXES, "false")}
        if cluster is not None:
            values["node_address"] = cluster.node_address
        return cls(values=values)

    def payload(self, *, named: bool) -> dict[str, object]:
        """What the domain reads; `named`: with a name, of a cluster that is new."""
        in_cluster = self.values["in_cluster"] == "true"
        kubeconfig = (
            {} if in_cluster and not self.values["kubeconfig"] else {"kubeconfig": self.values["kubeconfig"]}
        )
        name = {"name": self.values["name"]} if named else {}
        return {
            **name,
            **kubeconfig,
            "context": self.values["context"],
            "node_address": self.values["node_address"],
            "in_cluster": in_cluster,
            "allow_insecure_tls": self.values["allow_insecure_tls"] == "true",
        }

    def without_secrets(self) -> "ConnectionForm":
        """As it goes back to the browser: a kubeconfig is typed again, not kept in a page."""
        self.values["kubeconfig"] = ""
        return self


class SpaceForm(TypedForm):
    """A team and its namespace."""

    @classmethod
    def typed(cls, data: QueryDict) -> "SpaceForm":
        form = cls()
        form.read(data, ("team", "namespace"))
        return form

    def payload(self) -> dict[str, object]:
        """An empty namespace is called like the team."""
        named = {"namespace": self.values["namespace"]} if self.values["namespace"] else {}
        return {"team": self.values["team"], **named}


class IsolationForm(TypedForm):
    """Who may connect to the pods of a namespace: a box, and a source a line."""

    @classmethod
    def typed(cls, data: QueryDict) -> "IsolationForm":
        form = cls()
        form.read(data, ("ingress_from",))
        form.values["isolated"] = "true" if "true" in data.getlist("isolated") else "false"
        return form

    @classmethod
    def of(cls, space: Namespace) -> "IsolationForm":
        sources = "\n".join(space.ingress_from)
        return cls(values={"isolated": "true" if space.isolated else "false", "ingress_from": sources})

    def payload(self) -> dict[str, object]:
        lines = map(str.strip, self.values["ingress_from"].splitlines())
        return {"isolated": self.values["isolated"] == "true", "ingress_from": [*filter(None, lines)]}
