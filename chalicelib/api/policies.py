"""Reading and changing the policies of sites, and trying one on what has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

from chalicelib.api import policy_shapes, requests
from chalicelib.api.cursors import List
from chalicelib.api.errors import answered, tagged
from chalicelib.errors import Conflict
from chalicelib.replay import replay
from chalicelib.site_policy import SitePolicy
from chalicelib.trail import policy_changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Response

    from chalicelib.api.world import World
    from chalicelib.site_policy import Standing


def routes(world: Callable[[], World], authorizer: Any) -> Blueprint:
    """Return the routes under `/v1/policies`; the authorizer lets none but operators change or try one."""
    blueprint = Blueprint(__name__)

    def answer(standing: Standing) -> Response:
        return tagged(policy_shapes.standing(standing), standing.policy.version)

    @blueprint.route("/v1/policies/{site}", authorizer=authorizer)
    @answered
    def show_policy(site: str) -> Response:
        return answer(world().policies.standing(requests.identifier(site)))

    @blueprint.route("/v1/policies/{site}/versions", authorizer=authorizer)
    @answered
    def list_versions(site: str) -> dict[str, Any]:
        versions = List.of_policies(requests.identifier(site))
        paging = requests.paging_in(requests.query_of(blueprint.current_request), versions)
        page = world().policies.versions(site, paging.limit, paging.start)
        return {
            "versions": [policy_shapes.version(entry) for entry in page.entries],
            "cursor": versions.cursor(page),
        }

    @blueprint.route("/v1/policies/{site}", methods=["PUT"], authorizer=authorizer)
    @answered
    def change_policy(site: str) -> Response:
        from chalicelib.api.policy_bodies import change_in  # noqa: PLC0415 - slow to import, see chalicelib.api

        name, request = requests.identifier(site), blueprint.current_request
        body = change_in(requests.body_of(request))
        caller, policies = requests.caller_of(request), world().policies
        in_force = policies.standing(name).policy
        caller.refuse_outdated(f"the policy of {name}", in_force.version)
        changed = SitePolicy(name, body.replaces + 1, body.policy.rules, caller.name, world().clock(), body.note)
        try:
            policies.put(changed, policy_changed(in_force, changed))
        except Conflict:
            caller.refuse_outdated(f"the policy of {name}", policies.standing(name).policy.version)
            raise
        return answer(policies.standing(name))

    @blueprint.route("/v1/policies/{site}/preview", methods=["POST"], authorizer=authorizer)
    @answered
    def preview_policy(site: str) -> dict[str, Any]:
        from chalicelib.api.policy_bodies import preview_in  # noqa: PLC0415 - likewise

        name = requests.identifier(site)
        body = preview_in(requests.body_of(blueprint.current_request))
        now = world().policies.standing(name)
        past = world().history.newest(name, body.inspections)
        return policy_shapes.replayed(name, replay(past, now.policy_for, now.under(body.policy.rules).policy_for))

    return blueprint
