-- One row, written by whoever asks whether the store takes rows: a disk may be full while everything that reads is well.
create table heartbeat (
    at_ts timestamptz
);
insert into heartbeat values (null);
