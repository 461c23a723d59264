"""Settings of access: keys of webhooks and the API, the identity provider."""

from awbridge.app.setting_fields import Field, SecretStr, SettingsBase
from awbridge.app.setting_types import IdentityRoles, OptionalHostUrl, Secrets, Texts


class AccessSettings(SettingsBase):
    """Who may call awbridge, and who may sign in."""

    webhook_keys: Secrets = Field(
        (),
        example="new-key,old-key",
        description="Keys that webhooks may carry, in a header (webhook_key, X-Api-Key, Authorization) or in the URL; "
        "comma-separated for rotation. Keys stored by `awbridge webhook register` are accepted too. Secrets.",
    )
    api_keys: Secrets = Field(
        (),
        example="a-long-random-key",
        description="Keys of the HTTP API, comma-separated. Without any, only loopback callers are allowed. Secrets.",
    )

    oidc_issuer: OptionalHostUrl = Field(
        "",
        example="https://login.example.com",
        description="URL of your identity provider (OpenID Connect) for signing in to the pages. Empty: none.",
    )
    oidc_client_id: str = Field(
        "", example="awbridge", description="Client id that the identity provider gave you for awbridge."
    )
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), example="the-clients-secret", description="Its client secret, if it has one. A secret."
    )
    oidc_domains: Texts = Field(
        (),
        example="shop.example",
        description="Mail domains whose people may sign in through it without being added, as viewers.",
    )
    oidc_role_claim: str = Field(
        "", example="groups", description="Claim that gives people their role, such as groups."
    )
    oidc_roles: IdentityRoles = Field(
        "",
        example="shipping=operator,it=admin",
        description="Role for each value of that claim: value=role, comma-separated.",
    )
