//! The statements of the guide: with them one user migrates, another one serves, and both have what they need.

use std::path::Path;

use countersign::store::Database;
use sea_orm::ConnectionTrait as _;

use crate::harness::databases::{Engine, TestDatabase, on_every_server};
use crate::harness::fixture::Fixture;
use crate::harness::{Harness, Wish};

on_every_server!(with_the_grants_of_the_guide_one_user_migrates_and_another_serves,);

/// The statements under a heading of the guide: those before `countersign migrate`, and those after it.
fn guide(heading: &str) -> [Vec<String>; 2] {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/README.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (_, section) = guide.split_once(&format!("\n### {heading}\n")).expect(heading);
    let section = section.split("\n#").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    let (before, after) = lines.fold((String::new(), None::<String>), |(before, after), line| match after {
        None if line.contains("countersign migrate") => (before, Some(String::new())),
        None => (before + line + "\n", None),
        Some(after) => (before, Some(after + line + "\n")),
    });
    [before, after.unwrap()].map(|text| {
        let statements = text.split(';').map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
        statements.filter(|one| !one.is_empty()).collect()
    })
}

async fn with_the_grants_of_the_guide_one_user_migrates_and_another_serves(database: TestDatabase) {
    let heading = if database.engine == Engine::MySql { "MySQL and MariaDB" } else { "PostgreSQL" };
    let name = format!("guide_{}", database.name().rsplit('_').next().unwrap());
    let owner = format!("{name}_owner");
    let [begin, grants] = guide(heading).map(|statements| {
        let own = |one: String| {
            let one = one.replace("countersign_owner", "\u{0}").replace("countersign", &name);
            one.replace('\u{0}', &owner).replace('…', "secret")
        };
        statements.into_iter().map(own).collect::<Vec<_>>()
    });
    assert!(begin.len() >= 3 && grants.len() >= 4, "{begin:?} {grants:?}");
    for statement in &begin {
        database.execute(statement).await;
    }
    let administrator = database.other(&name);
    let as_owner = administrator.as_user(&owner, "secret");
    let connected = Database::connect(&as_owner.options()).await.unwrap();
    connected.migrate().await.unwrap();
    connected.close().await.unwrap();
    let who_grants = if database.engine == Engine::MySql { &administrator } else { &as_owner };
    let connection = who_grants.raw(1).await;
    for statement in &grants {
        connection.execute_unprepared(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    connection.close().await.unwrap();

    let serving = administrator.as_user(&name, "secret");
    let harness = Harness::start_on(&serving, Wish::default()).await;
    let client = harness.client().await;
    let count = Fixture::new(&client, "count").await.requests().len();
    for place in 0..count {
        let fixture = Fixture::new(&client, &format!("subject {place}")).await;
        let request = fixture.requests().swap_remove(place);
        let answer = client.raw(&request.path, request.body).await;
        assert!(answer.is_ok(), "{}: {answer:?}", request.label);
    }
    harness.service.sweep().await.unwrap();
    harness.service.look().await.unwrap();
    harness.stop().await;

    if database.engine == Engine::Postgres {
        database.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        database.execute(&format!("DROP ROLE {name}, {owner}")).await;
    } else {
        database.execute(&format!("DROP DATABASE {name}")).await;
        database.execute(&format!("DROP USER {name}, {owner}")).await;
    }
}
