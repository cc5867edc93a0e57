"""Connecting clusters, what they let us do, and the namespaces of teams; for admins."""

from rest_framework.request import Request
from rest_framework.response import Response

from deployments import ask, intent, models
from deployments.api import catalogue_present, catalogue_shapes, payloads, present, query
from deployments.api.base import ApiView, admin_of, body_of
from deployments.api.openapi import LIST, ORDERING, describe
from deployments.api.pagination import paged
from deployments.api.views.platform import cluster_of, presented
from deployments.errors import NotFound, PermissionDenied

NAMESPACE_ORDERS = {"team": "team__name", "namespace": "name"}


def cluster_of_admin(request: Request, name: str) -> models.Cluster:
    """Raises: NotFound, PermissionDenied: not an admin."""
    row = cluster_of(request, name)
    if not admin_of(request).is_superuser:
        raise PermissionDenied("This is for admins of the installation.")
    return row


def namespace_of_admin(request: Request, cluster: str, namespace: str) -> models.Namespace:
    """Raises: NotFound, PermissionDenied: not an admin."""
    rows = models.Namespace.objects.filter(cluster=cluster_of_admin(request, cluster), name=namespace)
    found = rows.select_related("team", "cluster").first()
    if found is None:
        raise NotFound(f"No team of ours has namespace {namespace!r} in cluster {cluster}.")
    return found


class Connection(ApiView):
    @describe(
        "Connect it by other credentials; admins", takes=payloads.Connection, answers=catalogue_shapes.Cluster
    )
    def put(self, request: Request, cluster: str) -> Response:
        row = intent.reconnect_cluster(cluster_of(request, cluster), body_of(request), by=admin_of(request))
        return Response(presented(request, [row])[0])

    @describe("Forget its credentials; workloads run on; admins", status=204)
    def delete(self, request: Request, cluster: str) -> Response:
        row = cluster_of(request, cluster)
        # The address names the cluster: no second word is asked of a program.
        intent.disconnect_cluster(row, confirm=row.name, by=admin_of(request))
        return Response(status=204)


class Permissions(ApiView):
    @describe(
        "Ask a cluster what it lets us do; admins",
        answers=catalogue_shapes.ClusterPermissions,
        may=(409, 503, 504),
    )
    def get(self, request: Request, cluster: str) -> Response:
        found = ask.inspect(cluster_of_admin(request, cluster))
        permissions = [
            catalogue_shapes.ClusterPermission(
                who=line.need.who,
                resource=line.need.name,
                why=line.need.why,
                verbs={grant.verb: grant.granted for grant in line.grants},
            )
            for line in found.lines
        ]
        return Response(
            catalogue_shapes.ClusterPermissions(
                version=found.version, permissions=permissions, missing_role=found.snippet
            )
        )


class Namespaces(ApiView):
    @describe(
        "List which team has which namespace; admins",
        answers=catalogue_shapes.ClusterNamespace,
        many=True,
        parameters=[ORDERING, *LIST],
    )
    def get(self, request: Request, cluster: str) -> Response:
        rows = models.Namespace.objects.filter(cluster=cluster_of_admin(request, cluster)).select_related(
            "team"
        )
        ordered = query.ordered(request, rows, NAMESPACE_ORDERS, default="namespace")
        return paged(request, ordered, catalogue_present.namespaces)

    @describe(
        "Let a team deploy to a cluster; admins",
        takes=payloads.NewNamespace,
        answers=catalogue_shapes.ClusterNamespace,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, cluster: str) -> Response:
        made = intent.give_namespace(cluster_of(request, cluster), body_of(request), by=admin_of(request))
        where = present.address("cluster-namespace", cluster=cluster, namespace=made.name)
        return Response(catalogue_present.namespaces([made])[0], status=201, headers={"Location": where})


class Namespace(ApiView):
    @describe(
        "Close a namespace to others, or open it; admins",
        takes=payloads.NamespaceChanges,
        answers=catalogue_shapes.ClusterNamespace,
    )
    def patch(self, request: Request, cluster: str, namespace: str) -> Response:
        found = namespace_of_admin(request, cluster, namespace)
        changed = intent.isolate_namespace(found, body_of(request), by=admin_of(request))
        return Response(catalogue_present.namespaces([changed])[0])

    @describe("Let a team deploy there no more; admins", status=204, may=(409,))
    def delete(self, request: Request, cluster: str, namespace: str) -> Response:
        intent.take_namespace(namespace_of_admin(request, cluster, namespace), by=admin_of(request))
        return Response(status=204)
