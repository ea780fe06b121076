//! One certificate: the names are ordered, each is proved, the certificate is fetched.

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::super::certificates::{Challenges, answer_to_challenge};
use super::said;
use crate::config::DomainName;

/// How the certificate authority is asked whether it is done.
const POLLING: RetryPolicy = RetryPolicy::new().timeout(std::time::Duration::from_secs(90));

/// The certificate with those between it and the root, and its key, both in PEM.
///
/// # Errors
/// In words: whoever reads it can't do anything else with it.
pub(super) async fn certificate(
    account: &Account,
    domains: &[DomainName],
    challenges: &Challenges,
) -> Result<(String, String), String> {
    let identifiers: Vec<_> = domains
        .iter()
        .map(|domain| Identifier::Dns(domain.to_string()))
        .collect();
    let ordered = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = ordered.map_err(said)?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(said)?;
        let name = authorization.identifier().to_string();
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            status => return Err(format!("{name} can't be proved: {status:?}")),
        }
        let mut challenge = authorization
            .challenge(ChallengeType::TlsAlpn01)
            .ok_or_else(|| format!("{name} can't be proved by TLS-ALPN-01 there"))?;
        answer(
            &name,
            challenge.key_authorization().digest().as_ref(),
            challenges,
        )?;
        challenge.set_ready().await.map_err(said)?;
    }
    let status = order.poll_ready(&POLLING).await.map_err(said)?;
    if status != OrderStatus::Ready {
        let reasons = refusals(&mut order).await;
        return Err(format!("the names aren't proved ({status:?}): {reasons}"));
    }
    let key = KeyPair::generate().map_err(said)?;
    let names: Vec<_> = domains.iter().map(ToString::to_string).collect();
    let mut request = CertificateParams::new(names).map_err(said)?;
    // The names stand in the certificate's list of them, where they are looked for.
    request.distinguished_name = rcgen::DistinguishedName::new();
    let request = request.serialize_request(&key).map_err(said)?;
    order.finalize_csr(request.der()).await.map_err(said)?;
    let chain = order.poll_certificate(&POLLING).await.map_err(said)?;
    Ok((chain, key.serialize_pem()))
}

/// Lets the HTTPS listener answer the question whether a name is ours.
fn answer(name: &str, digest: &[u8], challenges: &Challenges) -> Result<(), String> {
    let mut params = CertificateParams::new([name.to_owned()]).map_err(said)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(said)?;
    let certificate = params.self_signed(&key).map_err(said)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let certificate = answer_to_challenge(certificate.der().clone(), key).map_err(said)?;
    challenges.answer(name, certificate);
    Ok(())
}

/// What the certificate authority has against each name.
async fn refusals(order: &mut instant_acme::Order) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        // What was fetched before is from before the question.
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        for challenge in &state.challenges {
            if let Some(problem) = &challenge.error {
                reasons.push(format!("{name}: {problem}"));
            }
        }
    }
    if reasons.is_empty() {
        "no reason was given".to_owned()
    } else {
        reasons.join("; ")
    }
}
