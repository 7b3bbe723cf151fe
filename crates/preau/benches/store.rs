//! What the store gives on this machine's disk: durable writes a second, journal entries a second, and
//! whether a second reader helps.
//!
//! All on SQLite in the build folder, because a temporary folder is often in memory, where COMMIT costs
//! nothing. The peers are the same work without what the store adds, in the same run.
#![allow(missing_docs, reason = "the table macro writes public items without comments")]

use diesel::prelude::*;
use preau::access::SystemPermit;
use preau::store::schema::keepsake;
use preau::store::{Store, StoreError};
use preau_testkit::bench::Measurement;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long one run measures.
const RUN: Duration = Duration::from_millis(1_500);
const RUNS: usize = 5;
/// Two readers must read at least so many times what one reads.
const SCALING: f64 = 1.3;

static NEXT: AtomicU64 = AtomicU64::new(0);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let store = Store::open(&format!("sqlite:{}", folder.path().join("bench.db").display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    writes(&store, &runtime)?;
    journal(&store)?;
    readers(&store)?;
    Ok(())
}

fn writes(store: &Store, runtime: &tokio::runtime::Runtime) -> Result<(), Box<dyn std::error::Error>> {
    let (mut one_by_one, mut of_64, mut of_512) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that a slow moment of the disk meets them all.
    for _ in 0..RUNS {
        one_by_one.push(runtime.block_on(writes_a_second(store, 64, true)));
        of_64.push(runtime.block_on(writes_a_second(store, 64, false)));
        of_512.push(runtime.block_on(writes_a_second(store, 512, false)));
    }
    let alone = Measurement::of("writes_one_by_one", "durable writes/s, 64 clients", &one_by_one);
    Measurement::of("writes_grouped", "durable writes/s, 64 clients", &of_64)
        .peer("the same, one commit each", alone.value)
        .leave()?;
    Measurement::of("writes_grouped_512", "durable writes/s, 512 clients", &of_512)
        .peer("64 clients, one commit each", alone.value)
        .leave()?;
    println!("durable writes/s: {:.0} one by one, grouped {of_64:.0?} (64), {of_512:.0?} (512)", alone.value);
    Ok(())
}

/// Each client writes a row, waits for the answer, and writes the next. `alone` lets only one of them
/// write at a time, so that every COMMIT carries one write.
async fn writes_a_second(store: &Store, clients: usize, alone: bool) -> f64 {
    let turn = alone.then(|| Arc::new(Mutex::new(())));
    let over = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (store, turn, over) = (store.clone(), turn.clone(), over.clone());
            tokio::spawn(async move {
                let mut done = 0_u64;
                while !over.load(Ordering::Relaxed) {
                    let _mine = match &turn {
                        Some(turn) => Some(turn.lock().await),
                        None => None,
                    };
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    if one_write(&store).await.is_ok() {
                        done += 1;
                    }
                }
                done
            })
        })
        .collect();
    tokio::time::sleep(RUN).await;
    over.store(true, Ordering::Relaxed);
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap_or_default();
    }
    done as f64 / begun.elapsed().as_secs_f64()
}

async fn one_write(store: &Store) -> Result<(), StoreError> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    store
        .write(&SystemPermit::FillDemo, move |tx| {
            diesel::insert_into(keepsake::table)
                .values((keepsake::name.eq(format!("bench-{number}")), keepsake::value.eq(vec![7_u8; 100])))
                .execute(tx.conn())?;
            Ok(())
        })
        .await
}

/// Entries appended within one transaction; the peer writes the same rows without a chain.
fn journal(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    const ENTRIES: i64 = 20_000;
    let (mut chained, mut bare) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let begun = Instant::now();
        store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, |tx| {
            (0..ENTRIES).for_each(|number| tx.note("homework", number));
            Ok(())
        })?;
        chained.push(ENTRIES as f64 / begun.elapsed().as_secs_f64());

        let begun = Instant::now();
        store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            use diesel::connection::SimpleConnection as _;
            // The columns of the journal, in a table that is nobody's.
            if run == 0 {
                tx.conn().batch_execute(
                    "CREATE TABLE bare (sequence INTEGER PRIMARY KEY NOT NULL, at_ms BIGINT, actor TEXT, \
                     action TEXT, object_kind TEXT, object_id BIGINT, hash BLOB)",
                )?;
            }
            for number in 0..ENTRIES {
                diesel::insert_into(bare::table)
                    .values((
                        bare::at_ms.eq(1_700_000_000_000_i64),
                        bare::actor.eq("system:fill_demo"),
                        bare::action.eq("fill_demo"),
                        bare::object_kind.eq("homework"),
                        bare::object_id.eq(number),
                        bare::hash.eq(vec![7_u8; 32]),
                    ))
                    .execute(tx.conn())?;
            }
            Ok(())
        })?;
        bare.push(ENTRIES as f64 / begun.elapsed().as_secs_f64());
    }
    let peer = Measurement::of("bare", "rows/s", &bare).value;
    let result = Measurement::of("journal_append", "entries/s in a transaction", &chained)
        .peer("the same rows without a chain", peer);
    result.leave()?;
    println!("journal: {:.0} entries/s, {peer:.0} bare rows/s", result.value);
    Ok(())
}

diesel::table! {
    bare (sequence) {
        sequence -> BigInt,
        at_ms -> BigInt,
        actor -> Text,
        action -> Text,
        object_kind -> Text,
        object_id -> BigInt,
        hash -> Binary,
    }
}

/// Do two threads read more than one? With SQLite's memory statistics on they do not.
/// Whether a second thread helps. The other core of a small machine is often busy with something else,
/// which can only lower the ratio: the best of several pairs, taken in turns, says what the store allows.
fn readers(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let (mut ratios, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let one = reads_a_second(store, 1);
        let two = reads_a_second(store, 2);
        alone.push(one);
        ratios.push(two / one);
    }
    let best = ratios.iter().copied().fold(0.0, f64::max);
    let result = Measurement::of("readers_scaling", "two threads / one thread", &ratios);
    result.leave()?;
    Measurement::of("reads_one_thread", "reads of 20 rows/s", &alone).leave()?;
    println!("readers: two threads read {:.2} times what one reads, at best {best:.2}", result.value);
    if best > SCALING {
        Ok(())
    } else {
        Err(format!(
            "in no pair did two readers read {SCALING} times what one reads: is the other core busy \
             (look at the load), or are memory statistics on?"
        )
        .into())
    }
}

fn reads_a_second(store: &Store, threads: usize) -> f64 {
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    let done: u64 = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|thread| {
                let over = &over;
                scope.spawn(move || {
                    let mut done = 0_u64;
                    while !over.load(Ordering::Relaxed) {
                        let from = format!("bench-{}", 1_000 + (done * 17 + thread as u64) % 5_000);
                        let rows = store.read_blocking::<Vec<(String, Vec<u8>)>, StoreError>(|conn| {
                            Ok(keepsake::table
                                .filter(keepsake::name.ge(&from))
                                .order(keepsake::name.asc())
                                .limit(20)
                                .load(conn)?)
                        });
                        done += u64::from(rows.is_ok_and(|rows| rows.len() == 20));
                    }
                    done
                })
            })
            .collect();
        std::thread::sleep(RUN);
        over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap_or_default()).sum()
    });
    done as f64 / begun.elapsed().as_secs_f64()
}
