"""What clusters and deployments hold, use and cost."""

from typing import cast, get_args

from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import query, usage_present, usage_shapes
from deployments.api.base import ApiView, deployment_of, token_team, user_of
from deployments.api.openapi import LIST, describe, parameter
from deployments.api.pagination import LimitOffset
from deployments.api.problems import bad_parameter
from deployments.api.views.platform import cluster_of, clusters_of
from deployments.selectors.usage.charts import chart
from deployments.selectors.usage.clusters import cluster_usage, named_teams
from deployments.selectors.usage.deployments import SORTS, deployments_by_usage, usage_by_id
from deployments.selectors.usage.shapes import Window

WINDOWS: tuple[Window, ...] = get_args(Window)


class Usage(ApiView):
    """By name only what is of my teams; other teams are one total, pods not deployed here another."""

    @describe(
        "What clusters, nodes, teams and deployments hold, use and cost",
        answers=usage_shapes.Usage,
        parameters=[
            parameter("cluster", "Only this cluster; all where my teams have a place without it."),
            parameter(
                "ordering",
                "Of deployments: used `cpu` or `memory`, `cost` or `waste` of an hour; a hyphen reverses.",
                enum=[sign + name for name in SORTS for sign in ("", "-")],
            ),
            *LIST,
        ],
    )
    def get(self, request: Request) -> Response:
        name = query.text(request, "cluster")
        only = cluster_of(request, name) if name else None
        sort = query.text(request, "ordering") or "team"
        if sort.removeprefix("-") not in SORTS:
            raise bad_parameter("ordering", f"can be by {', '.join(SORTS)}", code="invalid_choice")
        team = token_team(request)
        named = [one for one in named_teams(user_of(request)) if team is None or one == team]
        rows = clusters_of(request).filter(pk=only.pk) if only else clusters_of(request)
        seen = cluster_usage(user_of(request), clusters=rows.defer("credentials"), named=named)
        pages = LimitOffset()
        ids = deployments_by_usage(user_of(request), sort, cluster=only, named=named)
        page = pages.paginate_queryset(ids, request) or []
        return Response(
            usage_shapes.Usage(
                clusters=usage_present.clusters(seen),
                deployments=usage_shapes.DeploymentUsages(
                    **pages.get_paginated_response(usage_present.deployments(usage_by_id(page))).data
                ),
            )
        )


class Metrics(ApiView):
    @describe(
        "What a deployment requested and used over time",
        answers=usage_shapes.Metrics,
        parameters=[parameter("window", "How far back.", enum=WINDOWS, default="1h")],
    )
    def get(self, request: Request, team: str, name: str) -> Response:
        row = deployment_of(request, team, name)
        window = cast("Window", query.choice(request, "window", WINDOWS) or "1h")
        return Response(usage_present.metrics(chart(row.cluster, window, deployment=row)))
