"""Where no partner is connected: nothing comes from there, and nothing can be asked."""

from clinic_domain.ehr.errors import TokensUnavailable, UnreadableOrder, XealthUnavailable
from clinic_domain.ehr.model import Json, Order, PlacedOrder, RestrictedToken
from clinic_domain.ehr.ports import OrderReader, RestrictedTokens, XealthOrders
from clinic_domain.values import UserId


class NoOrders(OrderReader):
    """Understands nothing."""

    def read(self, content: Json) -> Order:
        raise UnreadableOrder("Meta")


class NoXealth(XealthOrders):
    """Nobody answers."""

    async def find(self, deployment: str, order_id: str) -> PlacedOrder | None:
        raise XealthUnavailable("not connected")


class NoRestrictedTokens(RestrictedTokens):
    """Nobody gives any out."""

    async def create(self, user_id: UserId) -> RestrictedToken:
        raise TokensUnavailable("not connected")

    async def find(self, token_id: str) -> RestrictedToken | None:
        raise TokensUnavailable("not connected")
