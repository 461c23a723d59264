"""Settings of access: keys of webhooks and the API, the identity provider."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import IdentityRoles, OptionalHostUrl, Secrets, Texts
from awbridge.app.settings.values import SecretStr


class AccessSettings(SettingsBase, group="Access", sharing=Sharing.OWN):
    """Who may call awbridge, and who may sign in."""

    api_keys: Secrets = Field(
        (),
        example="a-long-random-key",
        description="Keys of the HTTP API, several for rotation, each an admin ([keys with "
        "roles](docs/how-to/operate/people.md#api-keys)). Without any key or person, only callers on the same "
        "machine are allowed, and of browsers there only awbridge's own pages.",
    )
    oidc_issuer: OptionalHostUrl = Field(
        "",
        example="https://login.example.com",
        description="URL of your [identity "
        "provider](docs/how-to/operate/people.md#your-companys-identity-provider) (OpenID Connect) for signing "
        "in to the pages; none while empty. Needs `awbridge[oidc]`.",
    )
    oidc_client_id: str = Field("", example="awbridge", description="The client id that it gave you for awbridge.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), example="the-clients-secret", description="Its client secret, if it has one."
    )
    oidc_domains: Texts = Field(
        (),
        example="shop.example",
        description="Mail domains whose people may sign in through it without being added; they become viewers.",
    )
    oidc_role_claim: str = Field(
        "", example="groups", description="The claim that gives people their role, such as `groups`."
    )
    oidc_roles: IdentityRoles = Field(
        "",
        example="shipping=operator,it=admin",
        description="The role for each value of that claim, as `value=role`, comma-separated.",
    )
    webhook_keys: Secrets = Field(
        (),
        example="new-key,old-key",
        description="Keys that webhooks may carry, in a header (`webhook_key`, `X-Api-Key`, `Authorization`) "
        "or in the URL, several for rotation. Keys that `awbridge webhook register` stored are accepted too.",
    )
