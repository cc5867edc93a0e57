"""What admins keep for everybody: sizes, and the prices, GPUs and node presets of clusters."""

from collections.abc import Iterable

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import intent, models, selectors
from deployments.api import catalogue_present, catalogue_shapes, payloads, present, query
from deployments.api.base import ApiView, admin_of, body_of, of_token_team, token_of, user_of
from deployments.api.openapi import LIST, ORDERING, describe
from deployments.api.pagination import paged
from deployments.errors import NotFound
from teams.roles import Scope

CLUSTER_ORDERS = {"name": "name", "state": "state", "version": "version"}
SIZE_ORDERS = {"position": "position", "name": "name"}
PRESET_ORDERS = {"name": "name"}


def clusters_of(request: Request) -> QuerySet[models.Cluster]:
    return of_token_team(request, selectors.clusters_visible_to(user_of(request)), "namespaces__team")


def cluster_of(request: Request, name: str) -> models.Cluster:
    """Raises: NotFound: no such cluster, or none where this person has a team."""
    row = clusters_of(request).filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no cluster {name!r}.")
    return row


def presented(request: Request, rows: Iterable[models.Cluster]) -> list[catalogue_shapes.Cluster]:
    """As whoever asks may see them; a token that was made for less than admins' work sees less."""
    token = token_of(request)
    for_all = token is None or (Scope.ADMIN in token.scopes and token.team_id is None)
    return catalogue_present.clusters(rows, to_admin=user_of(request).is_superuser and for_all)


class Sizes(ApiView):
    """What `preset` of a deployment may name."""

    @describe("List sizes", answers=catalogue_shapes.Size, many=True, parameters=[ORDERING, *LIST])
    def get(self, request: Request) -> Response:
        rows = query.ordered(request, models.SizePreset.objects.all(), SIZE_ORDERS, default="position")
        return paged(request, rows, catalogue_present.sizes)

    @describe(
        "Offer another size; admins",
        takes=payloads.NewSize,
        answers=catalogue_shapes.Size,
        status=201,
        may=(409,),
    )
    def post(self, request: Request) -> Response:
        made = intent.save_size_preset(body_of(request), by=admin_of(request))
        where = present.address("size", size=made.name)
        return Response(catalogue_present.sizes([made])[0], status=201, headers={"Location": where})


class Size(ApiView):
    """Deployments keep the resources they were given when a size changes or goes."""

    @describe("Read a size", answers=catalogue_shapes.Size)
    def get(self, request: Request, size: str) -> Response:  # noqa: ARG002  sizes are everybody's
        return Response(catalogue_present.sizes([selectors.get_size_preset(size)])[0])

    @describe("Change a size; admins", takes=payloads.SizeChanges, answers=catalogue_shapes.Size, may=(409,))
    def patch(self, request: Request, size: str) -> Response:
        by = admin_of(request)
        current = selectors.get_size_preset(size)
        changed = intent.save_size_preset(body_of(request), by=by, current=current)
        return Response(catalogue_present.sizes([changed])[0])

    @describe("Offer a size no more; admins", status=204, may=(409,))
    def delete(self, request: Request, size: str) -> Response:
        by = admin_of(request)
        intent.delete_size_preset(selectors.get_size_preset(size), by=by)
        return Response(status=204)


class Clusters(ApiView):
    @describe(
        "List clusters my teams may use",
        answers=catalogue_shapes.Cluster,
        many=True,
        parameters=[ORDERING, *LIST],
    )
    def get(self, request: Request) -> Response:
        rows = query.ordered(request, clusters_of(request), CLUSTER_ORDERS, default="name")
        return paged(request, rows, lambda page: presented(request, page))

    @describe(
        "Connect a cluster; admins",
        takes=payloads.NewCluster,
        answers=catalogue_shapes.Cluster,
        status=201,
        may=(409,),
    )
    def post(self, request: Request) -> Response:
        made = intent.connect_cluster(body_of(request), by=admin_of(request))
        where = present.address("cluster", cluster=made.name)
        return Response(presented(request, [made])[0], status=201, headers={"Location": where})


class Cluster(ApiView):
    @describe("Read a cluster", answers=catalogue_shapes.Cluster)
    def get(self, request: Request, cluster: str) -> Response:
        return Response(presented(request, [cluster_of(request, cluster)])[0])

    @describe(
        "Change prices, currency or the name of GPUs; admins",
        takes=payloads.ClusterChanges,
        answers=catalogue_shapes.Cluster,
    )
    def patch(self, request: Request, cluster: str) -> Response:
        row = cluster_of(request, cluster)
        intent.change_cluster(row, body_of(request), by=admin_of(request))
        return Response(presented(request, [cluster_of(request, cluster)])[0])

    @describe("Forget a disconnected cluster with nothing of ours in it; admins", status=204, may=(409,))
    def delete(self, request: Request, cluster: str) -> Response:
        intent.forget_cluster(cluster_of(request, cluster), by=admin_of(request))
        return Response(status=204)


class NodePresets(ApiView):
    """What `node_preset` of a deployment in this cluster may name."""

    @describe(
        "List node presets", answers=catalogue_shapes.NodePreset, many=True, parameters=[ORDERING, *LIST]
    )
    def get(self, request: Request, cluster: str) -> Response:
        rows = selectors.node_presets_of(cluster_of(request, cluster))
        return paged(
            request,
            query.ordered(request, rows, PRESET_ORDERS, default="name"),
            catalogue_present.node_presets,
        )

    @describe(
        "Offer some nodes by name; admins",
        takes=payloads.NewNodePreset,
        answers=catalogue_shapes.NodePreset,
        status=201,
        may=(409,),
    )
    def post(self, request: Request, cluster: str) -> Response:
        row = cluster_of(request, cluster)
        made = intent.save_node_preset(row, body_of(request), by=admin_of(request))
        where = present.address("node-preset", cluster=cluster, preset=made.name)
        return Response(catalogue_present.node_presets([made])[0], status=201, headers={"Location": where})


class NodePreset(ApiView):
    """Deployments keep the nodes they were given when a preset changes or goes."""

    @describe("Read a node preset", answers=catalogue_shapes.NodePreset)
    def get(self, request: Request, cluster: str, preset: str) -> Response:
        return Response(
            catalogue_present.node_presets([selectors.get_node_preset(cluster_of(request, cluster), preset)])[
                0
            ]
        )

    @describe(
        "Change a node preset; admins",
        takes=payloads.NodePresetChanges,
        answers=catalogue_shapes.NodePreset,
        may=(409,),
    )
    def patch(self, request: Request, cluster: str, preset: str) -> Response:
        row, by = cluster_of(request, cluster), admin_of(request)
        current = selectors.get_node_preset(row, preset)
        changed = intent.save_node_preset(row, body_of(request), by=by, current=current)
        return Response(catalogue_present.node_presets([changed])[0])

    @describe("Offer a node preset no more; admins", status=204, may=(409,))
    def delete(self, request: Request, cluster: str, preset: str) -> Response:
        row, by = cluster_of(request, cluster), admin_of(request)
        intent.delete_node_preset(selectors.get_node_preset(row, preset), by=by)
        return Response(status=204)
