-- compatible from: 0043 (columns and a table change their names)
-- Tables and columns take the trade's names.
ALTER TABLE tellings RENAME TO update_sources;
{{postgres: ALTER INDEX tellings_of_delivery RENAME TO update_sources_of_delivery;
ALTER INDEX tellings_pkey RENAME TO update_sources_pkey;}}
{{sqlite: DROP INDEX tellings_of_delivery;
CREATE INDEX update_sources_of_delivery ON update_sources (delivery_id);}}
ALTER TABLE inbox RENAME COLUMN told TO shipments_updated;
{{postgres: ALTER INDEX inbox_untold RENAME TO inbox_uncounted;}}
{{sqlite: DROP INDEX inbox_untold;
CREATE INDEX inbox_uncounted ON inbox (id) WHERE applied_at IS NOT NULL AND shipments_updated IS NULL;}}
ALTER TABLE shipments RENAME COLUMN may_stand TO maybe_placed;
ALTER TABLE shipments RENAME COLUMN stands_version TO held_version;
ALTER TABLE shipments RENAME COLUMN cancel_asked_at TO cancel_requested_at;
ALTER TABLE shipments RENAME COLUMN last_heard_at TO last_tracked_at;
ALTER TABLE shipments RENAME COLUMN last_asked_at TO last_polled_at;
ALTER TABLE shipments RENAME COLUMN next_ask_at TO next_poll_at;
ALTER TABLE shipments RENAME COLUMN asked_back_at TO polling_resumed_at;
ALTER TABLE shipments RENAME COLUMN status_words TO status_description;
ALTER TABLE shipments RENAME COLUMN ndr_words TO ndr_description;
ALTER TABLE scans RENAME COLUMN npr_words TO npr_description;
ALTER TABLE scans RENAME COLUMN ndr_words TO ndr_description;
ALTER TABLE promises RENAME COLUMN said_at TO stated_at;
ALTER TABLE promises RENAME COLUMN heard_at TO received_at;
ALTER TABLE account_states RENAME COLUMN trouble TO incident;
ALTER TABLE actions RENAME COLUMN asked_at TO requested_at;
ALTER TABLE erasures RENAME COLUMN asked_at TO requested_at;
ALTER TABLE differences RENAME COLUMN looks TO checks;
ALTER TABLE alarms RENAME COLUMN told_at TO notified_at;
ALTER TABLE differences RENAME COLUMN next_look_at TO next_check_at;
{{postgres: ALTER INDEX shipments_to_ask RENAME TO shipments_to_poll;
ALTER INDEX differences_to_look RENAME TO differences_to_check;}}
{{sqlite: DROP INDEX shipments_to_ask;
CREATE INDEX shipments_to_poll ON shipments (next_poll_at) WHERE next_poll_at IS NOT NULL;
DROP INDEX differences_to_look;
CREATE INDEX differences_to_check ON differences (next_check_at) WHERE next_check_at IS NOT NULL;}}
