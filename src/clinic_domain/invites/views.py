"""Invites together with those who sent them."""

from collections.abc import Sequence

import attrs

from clinic_domain.invites.model import Creator, InviteView
from clinic_domain.users import Profiles
from clinic_domain.values import UserId


async def creator_of(user_id: UserId, profiles: Profiles) -> Creator:
    """Return who sent an invite. Raises UsersUnavailable."""
    return Creator(user_id, await profiles.find(user_id))


async def with_creators(views: Sequence[InviteView], profiles: Profiles) -> tuple[InviteView, ...]:
    """Return *views* with those who sent the invites, each asked for once."""
    creators: dict[UserId, Creator] = {}
    for view in views:
        user_id = view.invite.creator_id
        if user_id not in creators:
            creators[user_id] = await creator_of(user_id, profiles)
    return tuple(attrs.evolve(view, creator=creators[view.invite.creator_id]) for view in views)
