//! People: who they are and what they let others know.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::Seeding;
use crate::actors::error::AskError;
use crate::actors::hasher::Effort;
use crate::actors::users::{SeedMember, Typed};
use crate::domain::access::Registration;
use crate::domain::account::{ProfileChanges, ProfileField, Role};
use crate::domain::visibility::Visibility;
use crate::ids::AccountId;
use crate::secret::Secret;
use crate::store::units::{Admission, Registered, UpdateProfile};

/// What the token of a person opens, unless other scopes are asked for: all that a member can do.
pub const TOKEN_SCOPES: &str = "read write follow push";

/// Somebody who has an account and is in.
#[derive(Debug, Clone)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// The account's name.
    pub name: String,
    /// The confirmed mail address.
    pub email: String,
    password: Secret<String>,
    token: Secret<String>,
}

impl Person {
    /// What the person logs in with, beside its name or its mail address.
    pub fn password(&self) -> &str {
        self.password.expose()
    }

    /// An access token, for the header `Authorization: Bearer TOKEN`.
    pub fn token(&self) -> &str {
        self.token.expose()
    }
}

impl From<&Person> for AccountId {
    fn from(person: &Person) -> Self {
        person.id
    }
}

/// Somebody who has signed up and waits to be let in.
#[derive(Debug, Clone)]
pub struct Applicant {
    /// The account that waits.
    pub id: AccountId,
    /// The account's name.
    pub name: String,
    /// The mail address, which isn't confirmed.
    pub email: String,
    password: Secret<String>,
}

impl Applicant {
    /// What the person logs in with once it is let in.
    pub fn password(&self) -> &str {
        self.password.expose()
    }

    pub(super) fn with_token(self, token: Secret<String>) -> Person {
        Person {
            id: self.id,
            name: self.name,
            email: self.email,
            password: self.password,
            token,
        }
    }
}

impl From<&Applicant> for AccountId {
    fn from(applicant: &Applicant) -> Self {
        applicant.id
    }
}

/// A person to be, made by awaiting it. What isn't said is: a member named `NAME`, `NAME@example.org`, whose password is
/// `the password of NAME` and whose token opens [`TOKEN_SCOPES`].
#[derive(Clone)]
#[must_use = "nobody is made before this is awaited"]
pub struct NewPerson {
    seeding: Seeding,
    name: String,
    email: Option<String>,
    password: Option<Secret<String>>,
    scopes: String,
    role: Role,
    profile: ProfileChanges,
}

impl NewPerson {
    pub(super) fn new(seeding: Seeding, name: String) -> Self {
        Self {
            seeding,
            name,
            email: None,
            password: None,
            scopes: TOKEN_SCOPES.to_owned(),
            role: Role::User,
            profile: ProfileChanges::default(),
        }
    }

    /// With this mail address, which counts as confirmed.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// With this password. It is hashed as the secret that it may be, which takes tens of milliseconds; the made-up one is
    /// known to everybody and takes next to nothing.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password.into()));
        self
    }

    /// With a token that opens no more than this, such as `read write:statuses`.
    pub fn scopes(mut self, scopes: impl Into<String>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// With more to say than a member.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// With this name for people to read.
    pub fn display_name(mut self, display_name: impl Into<String>) -> Self {
        self.profile.display_name = Some(display_name.into());
        self
    }

    /// With this bio.
    pub fn bio(mut self, bio: impl Into<String>) -> Self {
        self.profile.note = Some(bio.into());
        self
    }

    /// With one more row in the profile's table.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let fields = self.profile.fields.get_or_insert_default();
        fields.push(ProfileField {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Asks its followers to wait for its approval.
    pub fn locked(mut self) -> Self {
        self.profile.locked = Some(true);
        self
    }

    /// Is a program.
    pub fn bot(mut self) -> Self {
        self.profile.bot = Some(true);
        self
    }

    /// Wants to be found in directories.
    pub fn discoverable(mut self) -> Self {
        self.profile.discoverable = Some(true);
        self
    }

    /// Posts for these readers unless a post says otherwise.
    pub fn posts_for(mut self, visibility: Visibility) -> Self {
        self.profile.post_visibility = Some(visibility);
        self
    }

    fn credentials(&self) -> (Typed, Effort) {
        let effort = match self.password {
            Some(_) => Effort::Full,
            None => Effort::Slight,
        };
        let made_up = || Secret::new(format!("the password of {}", self.name));
        let typed = Typed {
            name: self.name.clone(),
            email: match &self.email {
                Some(email) => email.clone(),
                None => format!("{}@example.org", self.name),
            },
            password: self.password.clone().unwrap_or_else(made_up),
        };
        (typed, effort)
    }

    async fn register(&self, admission: Admission) -> Result<Applicant, AskError> {
        let (typed, effort) = self.credentials();
        let Typed {
            name,
            email,
            password,
        } = typed.clone();
        let message = SeedMember {
            typed,
            admission,
            effort,
        };
        let users = &self.seeding.actors.users;
        let registering = self.seeding.in_turn(async { users.send(message).await? });
        let Registered { account: id, .. } = registering.await?;
        Ok(Applicant {
            id,
            name,
            email,
            password,
        })
    }

    pub(super) async fn apply(self, reason: String) -> Result<Applicant, AskError> {
        let admission = Admission::SignUp {
            registration: Registration::Approval,
            invitation: None,
            reason: Some(reason),
        };
        self.register(admission).await
    }

    async fn come_in(self) -> Result<Person, AskError> {
        let newcomer = self.register(Admission::Operator(self.role)).await?;
        let account = newcomer.id;
        if self.profile != ProfileChanges::default() {
            let changes = self.profile;
            let change = UpdateProfile { account, changes };
            let seeding = &self.seeding;
            seeding.in_turn(seeding.actors.perform(change)).await?;
        }
        let token = self.seeding.token(account, &self.scopes).await?;
        Ok(newcomer.with_token(token))
    }
}

impl IntoFuture for NewPerson {
    type Output = Result<Person, AskError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// When the name or the mail address is taken or no such thing, the password is too weak, or the profile too long.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.come_in())
    }
}
