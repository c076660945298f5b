// An OpenID Connect issuer at which people sign in, as its own program would have them: under another site's name than the service.
import http from "node:http";
import Provider from "oidc-provider";

export const CLIENT = { id: "console", secret: "secret-of-the-console" };

export class Issuer {
  /** Who is in front of the browser, or nobody, who then turns the sign-in down. */
  person = undefined;
  /** Groups of each person. */
  groups = {};
  /** What codes were exchanged for, as they were asked. */
  exchanges = [];

  static async start() {
    const issuer = new Issuer();
    issuer.server = http.createServer((request, response) => issuer.#serve(request, response));
    await new Promise((resolve) => issuer.server.listen(0, "127.0.0.1", resolve));
    issuer.server.unref();
    issuer.port = issuer.server.address().port;
    // Another site than 127.0.0.1, so that the browser treats the way back as one from elsewhere.
    issuer.url = `http://localhost:${issuer.port}`;
    return issuer;
  }

  /** Registers the service, whose address is known only now. */
  register(endpoint, { secret = CLIENT.secret } = {}) {
    const issuer = this;
    this.provider = new Provider(this.url, {
      clients: [
        {
          client_id: CLIENT.id,
          ...(secret ? { client_secret: secret, token_endpoint_auth_method: "client_secret_basic" } : { token_endpoint_auth_method: "none" }),
          redirect_uris: [`${endpoint}/console/api/openid/callback`],
        },
      ],
      pkce: { required: () => true, methods: ["S256"] },
      scopes: ["openid", "profile", "groups"],
      claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
      conformIdTokenClaims: false,
      cookies: { keys: ["a key of a test"] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `id of ${id}`, preferred_username: id, groups: issuer.groups[id] ?? [] }) }),
      async loadExistingGrant(context) {
        const grant = new context.oidc.provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
        grant.addOIDCScope("openid profile groups");
        await grant.save();
        return grant;
      },
    });
    this.callback = this.provider.callback();
  }

  async #serve(request, response) {
    if (this.away) return request.socket.destroy();
    if (request.url.startsWith("/token")) this.exchanges.push({ headers: request.headers });
    if (!request.url.startsWith("/interaction/")) return this.callback(request, response);
    const login = this.person ? { login: { accountId: this.person } } : { error: "access_denied", error_description: "The person would not." };
    await this.provider.interactionFinished(request, response, login, { mergeWithLastSubmission: false });
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
