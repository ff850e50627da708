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

#[tokio::test]
async fn at_the_limit_strangers_go_first_then_who_asked_the_longest_ago() {
    let (connections, _) = connections();
    let mut all: Vec<_> = (0..3).map(|_| connections.add(Peer::Unknown)).collect();
    drop(all[0].authenticated());
    drop(all[2].authenticated());
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [false, true, false, false]);
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [false, true, false, true, false]);
    let _under_way = all[0].authenticated();
    drop(all[4].authenticated());
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [false, true, true, true, false, false]);
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
    all[1..].iter().for_each(|caller| drop(caller.authenticated()));
    for _ in 0..3 {
        all.push(connections.add(Peer::Unknown));
    }
    // A second stranger has the place of the caller who asked the longest ago. Beyond a quarter, strangers go first.
    let gone: Vec<_> = (0..all.len()).filter(|number| all[*number].close.is_cancelled()).collect();
    assert_eq!(gone, [0, 1, 8]);
    // A request that is under way is worth more than a place for a stranger.
    let under_way: Vec<_> = all[2..8].iter().map(Connection::authenticated).collect();
    let last = all[9].authenticated();
    all.push(connections.add(Peer::Unknown));
    let gone: Vec<_> = (0..all.len()).filter(|number| all[*number].close.is_cancelled()).collect();
    assert_eq!(gone, [0, 1, 8, 10]);
    drop((under_way, last));
}

#[tokio::test]
async fn a_connection_with_a_request_under_way_is_not_closed_for_another() {
    let (connections, _) = connections();
    let mut all: Vec<_> = (0..3).map(|_| connections.add(Peer::Unknown)).collect();
    let under_way = all[0].authenticated();
    drop(all[1].authenticated());
    drop(all[2].authenticated());
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [false, true, false, false]);
    drop(under_way);
    drop(all[3].authenticated());
    all.push(connections.add(Peer::Unknown));
    assert_eq!(closed(&all), [true, true, false, false, false]);
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
    let request = all[1].authenticated();
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
    let _request = connections.add(Peer::Unknown).authenticated();
    stop.cancel();
    assert_eq!(connections.drain(Instant::now()).await, 1);
}
