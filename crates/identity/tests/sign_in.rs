//! Where people are sent to sign in, and which answers of an issuer let them in.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hubwire_identity::{ClientSettings, Error, Fetched, Person, Posted, SignIn, Ties};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const ISSUER: &str = "https://login.example.com";
const NOW_S: u64 = 1_764_000_000;
const TIES: Ties<'static> = Ties { state: "s1", nonce: "n1", challenge: "c1" };

/// An issuer with one key, which answers codes as a test says.
struct Site {
    signing: EncodingKey,
    discovery: Value,
    keys: Value,
    answer: Arc<Mutex<(StatusCode, Value)>>,
    asked: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Site {
    fn new(more: Value) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({
            "kty": "EC", "crv": "P-256", "kid": "a", "x": part(&point[..32]), "y": part(&point[32..]),
        });
        let mut discovery = json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{ISSUER}/keys"),
            "authorization_endpoint": format!("{ISSUER}/authorize?tenant=1"),
            "token_endpoint": format!("{ISSUER}/token"),
        });
        for (name, value) in more.as_object().unwrap() {
            discovery[name] = value.clone();
        }
        Self {
            signing: EncodingKey::from_ec_der(pkcs8.as_ref()),
            discovery,
            keys: json!({"keys": [key]}),
            answer: Arc::new(Mutex::new((StatusCode::OK, json!({})))),
            asked: Arc::default(),
        }
    }

    fn sign_in(&self, client_secret: Option<&str>) -> SignIn {
        let (discovery, keys) = (self.discovery.to_string(), self.keys.to_string());
        let fetch = move |url: &str| -> Fetched {
            let document = if url.ends_with("/keys") { keys.clone() } else { discovery.clone() };
            Box::pin(std::future::ready(Ok(document.into())))
        };
        let (answer, asked) = (self.answer.clone(), self.asked.clone());
        let post = move |request| -> Posted {
            asked.lock().unwrap().push(request);
            let (status, body) = answer.lock().unwrap().clone();
            let answer = Response::builder().status(status).body(body.to_string().into()).unwrap();
            Box::pin(std::future::ready(Ok(answer)))
        };
        let settings = ClientSettings {
            issuer: ISSUER.to_owned(),
            client_id: "a client".to_owned(),
            client_secret: client_secret.map(str::to_owned),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
            redirect_uri: "https://realtime.example/console/api/openid/callback".to_owned(),
        };
        assert!(!format!("{settings:?}").contains("p:ss"));
        SignIn::new(settings, Arc::new(fetch), Arc::new(post))
    }

    /// Has the issuer answer codes with a token of these claims, beside the usual ones.
    fn gives(&self, changes: Value) {
        let mut claims = json!({
            "iss": ISSUER, "aud": "a client", "exp": NOW_S + 60, "sub": "42", "nonce": "n1",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing).unwrap();
        *self.answer.lock().unwrap() = (StatusCode::OK, json!({"id_token": token}));
    }

    fn last(&self) -> (Option<String>, String) {
        let asked = self.asked.lock().unwrap();
        let request = asked.last().unwrap();
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        (authorization, String::from_utf8(request.body().to_vec()).unwrap())
    }
}

async fn redeem(sign_in: &SignIn) -> Result<Person, Error> {
    sign_in.redeem("the code", "n1", "the verifier", NOW_S).await
}

#[tokio::test]
async fn people_are_sent_where_the_issuer_says_with_all_that_ties_the_answer_to_them() {
    let place = Site::new(json!({})).sign_in(None).place(TIES, NOW_S).await.unwrap();
    let expected = "https://login.example.com/authorize?tenant=1&response_type=code&client_id=a%20client\
        &redirect_uri=https%3A%2F%2Frealtime%2Eexample%2Fconsole%2Fapi%2Fopenid%2Fcallback\
        &scope=openid%20profile&state=s1&nonce=n1&code_challenge=c1&code_challenge_method=S256";
    assert_eq!(place, expected);
    let silent = Site::new(json!({"authorization_endpoint": null})).sign_in(None);
    assert_eq!(silent.place(TIES, NOW_S).await, Err(Error::NoEndpoint("authorization_endpoint")));
}

#[tokio::test]
async fn a_person_is_known_by_name_roles_groups_and_ids() {
    let site = Site::new(json!({}));
    let sign_in = site.sign_in(None);
    site.gives(
        json!({"preferred_username": "ada\u{7}", "groups": ["ops", "dev"], "email": "ada@example.com"}),
    );
    let person = redeem(&sign_in).await.unwrap();
    assert_eq!(person.name, "ada");
    assert_eq!(person.values, ["ops", "dev", "42", "ada@example.com"]);
    site.gives(json!({}));
    assert_eq!(redeem(&sign_in).await.unwrap().name, "42");
}

#[tokio::test]
async fn the_service_shows_its_secret_as_the_issuer_wants_it_and_the_verifier_always() {
    for (methods, secret, basic, in_body) in [
        (json!(null), Some("p:ss"), true, false),
        (json!(["client_secret_post"]), Some("p:ss"), false, true),
        (json!(["client_secret_post", "client_secret_basic"]), Some("p:ss"), true, false),
        (json!(null), None, false, false),
    ] {
        let site = Site::new(json!({"token_endpoint_auth_methods_supported": methods}));
        site.gives(json!({}));
        redeem(&site.sign_in(secret)).await.unwrap();
        let (authorization, body) = site.last();
        assert_eq!(authorization.is_some(), basic, "{methods}");
        assert_eq!(body.contains("client_secret=p%3Ass"), in_body, "{methods}");
        assert_eq!(body.contains("client_id=a%20client"), !basic, "{methods}");
        assert!(body.contains("grant_type=authorization%5Fcode&code=the%20code"));
        assert!(body.contains("code_verifier=the%20verifier"));
    }
}

#[tokio::test]
async fn a_token_that_is_not_for_this_sign_in_lets_nobody_in() {
    let site = Site::new(json!({}));
    let sign_in = site.sign_in(None);
    for (changes, expected) in [
        (json!({"nonce": "n2"}), "not for this sign-in"),
        (json!({"nonce": null}), "not for this sign-in"),
        (json!({"nonce": ["n1", "n2"]}), "not for this sign-in"),
        (json!({"aud": "another client"}), "setting console.openid.client_id"),
        (json!({"iss": "https://other.example"}), "setting console.openid.issuer"),
        (json!({"exp": NOW_S - 3600}), "expired"),
    ] {
        site.gives(changes.clone());
        let error = redeem(&sign_in).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{changes}: {error}");
    }
    let other = Site::new(json!({}));
    other.gives(json!({}));
    *site.answer.lock().unwrap() = other.answer.lock().unwrap().clone();
    assert!(matches!(redeem(&sign_in).await, Err(Error::Token(_))), "it is signed by somebody else");
}

#[tokio::test]
async fn an_issuer_that_refuses_a_code_is_quoted() {
    let site = Site::new(json!({}));
    let sign_in = site.sign_in(Some("p:ss"));
    for (status, body, words) in [
        (
            400,
            json!({"error": "invalid_grant", "error_description": "It is used."}),
            "invalid_grant: It is used.",
        ),
        (401, json!({"error": "invalid_client"}), "invalid_client"),
        (500, json!("?"), "it answered with status 500 Internal Server Error"),
        (200, json!({"access_token": "x"}), "its answer has no id_token"),
    ] {
        *site.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), body);
        assert_eq!(redeem(&sign_in).await, Err(Error::Code(words.to_owned())));
    }
}
