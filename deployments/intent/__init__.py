"""Web side: check, store the wish, tell a worker. Every change goes through here, from pages and API alike.

Each function is one transaction: lock the row, check the role, validate, count
the wish, write operation, audit and timeline; the hint to a worker and the nudge
to browsers leave on commit.
"""

from deployments.intent.accounts import change_service_account, create_service_account, end_service_account
from deployments.intent.bulk import BULK_ACTIONS, BulkResult, bulk
from deployments.intent.catalogue import (
    add_version,
    change_model,
    change_version,
    delete_model,
    delete_version,
    register_model,
)
from deployments.intent.changing import create_deployment, delete, delete_pod, restart, update_deployment
from deployments.intent.clusters import (
    connect_cluster,
    disconnect_cluster,
    forget_cluster,
    give_namespace,
    isolate_namespace,
    reconnect_cluster,
    take_namespace,
)
from deployments.intent.drafts import Draft, draft, draft_change
from deployments.intent.fixing import apply_fix
from deployments.intent.groups import apply_groups
from deployments.intent.invitations import invite, join, join_as_new, open_invitation, revoke_invitation
from deployments.intent.members import add_member, change_member, remove_member
from deployments.intent.naming import suggest_name
from deployments.intent.platform import (
    change_cluster,
    delete_node_preset,
    delete_size_preset,
    save_node_preset,
    save_size_preset,
)
from deployments.intent.quotas import set_quota
from deployments.intent.refusals import note_refusal
from deployments.intent.registries import remove_registry, set_registry
from deployments.intent.rollback import automatic_rollback, draft_rollback, rollback
from deployments.intent.scaling import autoscale, pause, resume, scale
from deployments.intent.schedules import (
    add_schedule,
    change_schedule,
    fire_schedule,
    remove_schedule,
    set_time_zone,
)
from deployments.intent.seeing import see_happenings
from deployments.intent.sign_ins import end_other_sign_ins, end_sign_in
from deployments.intent.sizing import NothingToApply, apply_sizing
from deployments.intent.teams import change_team, make_team
from deployments.intent.tokens import create_account_token, create_own_token, revoke_token
from deployments.intent.webhooks import change_webhook, create_webhook, delete_webhook, try_webhook

__all__ = [
    "BULK_ACTIONS",
    "BulkResult",
    "Draft",
    "NothingToApply",
    "add_member",
    "add_schedule",
    "add_version",
    "apply_fix",
    "apply_groups",
    "apply_sizing",
    "automatic_rollback",
    "autoscale",
    "bulk",
    "change_cluster",
    "change_member",
    "change_model",
    "change_schedule",
    "change_service_account",
    "change_team",
    "change_version",
    "change_webhook",
    "connect_cluster",
    "create_account_token",
    "create_deployment",
    "create_own_token",
    "create_service_account",
    "create_webhook",
    "delete",
    "delete_model",
    "delete_node_preset",
    "delete_pod",
    "delete_size_preset",
    "delete_version",
    "delete_webhook",
    "disconnect_cluster",
    "draft",
    "draft_change",
    "draft_rollback",
    "end_other_sign_ins",
    "end_service_account",
    "end_sign_in",
    "fire_schedule",
    "forget_cluster",
    "give_namespace",
    "invite",
    "isolate_namespace",
    "join",
    "join_as_new",
    "make_team",
    "note_refusal",
    "open_invitation",
    "pause",
    "reconnect_cluster",
    "register_model",
    "remove_member",
    "remove_registry",
    "remove_schedule",
    "restart",
    "resume",
    "revoke_invitation",
    "revoke_token",
    "rollback",
    "save_node_preset",
    "save_size_preset",
    "scale",
    "see_happenings",
    "set_quota",
    "set_registry",
    "set_time_zone",
    "suggest_name",
    "take_namespace",
    "try_webhook",
    "update_deployment",
]
