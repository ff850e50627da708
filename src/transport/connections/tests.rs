use std::pin::pin;

use futures_util::poll;

use super::*;

fn connections() -> (Arc<Connections>, CancellationToken) {
    let stop = CancellationToken::new();
    (Connections::new(3, 100, Times::default(), stop.clone()), stop)
}

fn closed(all: &[Arc<Connection>]) -> Vec<bool> {
    all.iter().map(|connection| connection.close.is_cancelled()).collect()
}

/// The numbers of those that were closed for others, or told to go.
fn dismissed(all: &[Arc<Connection>]) -> Vec<usize> {
    let is_dismissed = |one: &Connection| one.close.is_cancelled() || one.goaway.is_cancelled();
    (0..all.len()).filter(|number| is_dismissed(&all[*number])).collect()
}

#[tokio::test]
async fn at_the_limit_strangers_go_first_then_who_asked_the_longest_ago() {
    let (connections, _) = connections();
    let mut all: Vec<_> = (0..3).map(|_| connections.add(Peer::Unknown)).collect();
    drop(all[0].authenticated("app"));
    drop(all[2].authenticated("app"));
    all.push(connections.add(Peer::Unknown));
    assert_eq!(dismissed(&all), [1]);
    all.push(connections.add(Peer::Unknown));
    assert_eq!(dismissed(&all), [1, 3]);
    let _under_way = all[0].authenticated("app");
    drop(all[4].authenticated("app"));
    all.push(connections.add(Peer::Unknown));
    assert_eq!(dismissed(&all), [1, 2, 3]);
    assert_eq!(connections.count(), 3);
}

#[tokio::test]
async fn of_strangers_those_that_had_an_answer_go_first() {
    let (connections, _) = connections();
    let mut all: Vec<_> = (0..3).map(|_| connections.add(Peer::Unknown)).collect();
    let (stream, _) = all[1].begin();
    all[1].end(stream, true);
    let (given_up, _) = all[2].begin();
    all[2].end(given_up, false);
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [false, true, false, false]);
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [true, true, false, false, false]);
}

#[tokio::test]
async fn at_the_limit_there_is_a_place_once_somebody_has_stayed_for_a_while_or_has_gone() {
    const MOST: usize = 200;
    let connections = Connections::new(MOST, 100, Times::default(), CancellationToken::new());
    let all: Vec<_> = (0..MOST).map(|_| connections.add(Peer::Unknown)).collect();
    let mut waiting = pin!(connections.place());
    assert!(poll!(&mut waiting).is_pending());
    connections.remove(&all[0]);
    assert!(poll!(&mut waiting).is_ready());
    connections.add(Peer::Unknown);
    assert!(connections.place().await.is_some());
    assert!(all[1].opened().elapsed() >= connections.stay());
}

#[tokio::test]
async fn the_time_to_stay_grows_with_the_connections_that_may_be_open() {
    let stay = |most| Connections::new(most, 100, Times::default(), CancellationToken::new()).stay();
    assert_eq!([stay(50), stay(500), stay(65_536)], [200, 2000, 2000].map(Duration::from_millis));
}

#[tokio::test]
async fn callers_cannot_take_the_places_of_all_strangers() {
    let connections = Connections::new(8, 100, Times::default(), CancellationToken::new());
    let mut all: Vec<_> = (0..8).map(|_| connections.add(Peer::Unknown)).collect();
    all[1..].iter().for_each(|caller| drop(caller.authenticated("app")));
    for _ in 0..3 {
        all.push(connections.add(Peer::Unknown));
    }
    // A second stranger has the place of the caller who asked the longest ago. Beyond a quarter, strangers go first.
    assert_eq!(dismissed(&all), [0, 1, 8]);
    // Also where all callers have requests under way, which may end after the GOAWAY.
    let _under_way: Vec<_> = all[2..8].iter().map(|caller| caller.authenticated("app")).collect();
    let _last = all[9].authenticated("app");
    all.push(connections.add(Peer::Unknown));
    assert_eq!(dismissed(&all), [0, 1, 2, 8]);
}

#[tokio::test]
async fn a_connection_with_a_request_under_way_is_not_closed_for_another() {
    let (connections, _) = connections();
    let mut all: Vec<_> = (0..3).map(|_| connections.add(Peer::Unknown)).collect();
    let under_way = all[0].authenticated("app");
    drop(all[1].authenticated("app"));
    drop(all[2].authenticated("app"));
    all.push(connections.add(Peer::Unknown));
    assert_eq!(dismissed(&all), [1]);
    drop(under_way);
    drop(all[3].authenticated("app"));
    all.push(connections.add(Peer::Unknown));
    assert_eq!(dismissed(&all), [0, 1]);
}

#[tokio::test]
async fn the_caller_with_the_most_connections_loses_its_own() {
    let connections = Connections::new(8, 100, Times::default(), CancellationToken::new());
    let mut all: Vec<_> = (0..8).map(|_| connections.add(Peer::Unknown)).collect();
    // Two quiet callers, and one that has a request under way on each of its connections and opens more.
    let mut under_way = Vec::new();
    for (number, connection) in all.iter().enumerate() {
        match number {
            0 | 1 => drop(connection.authenticated(&format!("quiet {number}"))),
            _ => under_way.push(connection.authenticated("greedy")),
        }
    }
    for _ in 0..20 {
        let more = connections.add(Peer::Unknown);
        under_way.push(more.authenticated("greedy"));
        all.push(more);
        assert!(connections.is_full_until().is_none(), "a caller does not stay");
    }
    assert_eq!(dismissed(&all), (2..22).collect::<Vec<_>>());
    assert_eq!(connections.count(), 8);
}

#[tokio::test]
async fn a_caller_that_must_go_is_told_and_closed_when_others_must_go_or_it_stays() {
    let stop = CancellationToken::new();
    let connections = Connections::new(1, 100, Times::default(), stop.clone());
    let mut all = Vec::new();
    let mut under_way = Vec::new();
    for _ in 0..LEAVING + 3 {
        let connection = connections.add(Peer::Unknown);
        under_way.push(connection.authenticated("app"));
        all.push(connection);
    }
    let told = LEAVING + 2;
    assert_eq!(dismissed(&all), (0..told).collect::<Vec<_>>());
    // Two had to make room for those that were told after them.
    let mut expected = vec![false; all.len()];
    expected[..2].fill(true);
    assert_eq!(closed(&all), expected);
    // One is gone; one has nothing more to answer.
    connections.remove(&all[2]);
    drop(under_way.remove(3));
    tokio::spawn(connections.clone().look_after(stop));
    all[3].close.cancelled().await;
    expected[3] = true;
    assert_eq!(closed(&all), expected);
    assert_eq!(connections.drain(Instant::now()).await, LEAVING - 1, "those that leave are cut off, too");
}

#[tokio::test]
async fn a_connection_without_an_acknowledgement_or_a_reader_is_closed_and_an_idle_one_is_told_to_go() {
    let (connections, _) = connections();
    let all: Vec<_> = (0..3).map(|_| connections.add(Peer::Unknown)).collect();
    all[1].settings_acknowledged();
    all[2].settings_acknowledged();
    let (stream, _) = all[1].begin();
    all[1].answer(stream, true);
    let begun = Instant::now();
    let times = Times::default();
    let look = |later| all.iter().for_each(|connection| look_at(connection, &times, begun + later));
    look(times.acknowledgement);
    assert_eq!(closed(&all), [true, false, false]);
    look(times.unread);
    assert_eq!(closed(&all), [true, true, false]);
    all[1].end(stream, true);
    look(times.idle);
    assert_eq!((closed(&all), all[2].goaway.is_cancelled()), (vec![true, true, false], true));
    look(times.idle + times.leave);
    assert_eq!(closed(&all), [true; 3]);
}

#[tokio::test]
async fn a_drain_waits_for_requests_and_for_nothing_else() {
    let (connections, stop) = connections();
    let all: Vec<_> = (0..2).map(|_| connections.add(Peer::Unknown)).collect();
    all[0].begin();
    let request = all[1].authenticated("app");
    stop.cancel();
    assert!(all.iter().all(|connection| connection.goaway.is_cancelled()));
    // As the task of each connection does.
    for connection in &all {
        let (connections, connection) = (connections.clone(), connection.clone());
        tokio::spawn(async move {
            connection.close.cancelled().await;
            connections.remove(&connection);
        });
    }
    let drained = tokio::spawn({
        let connections = connections.clone();
        async move { connections.drain(Instant::now() + Duration::from_secs(20)).await }
    });
    all[0].close.cancelled().await;
    assert!(!all[1].close.is_cancelled() && !drained.is_finished());
    drop(request);
    assert_eq!(drained.await.unwrap(), 0);
}

#[tokio::test]
async fn a_drain_cuts_off_what_does_not_end_in_time() {
    let (connections, stop) = connections();
    let _request = connections.add(Peer::Unknown).authenticated("app");
    stop.cancel();
    assert_eq!(connections.drain(Instant::now()).await, 1);
}
