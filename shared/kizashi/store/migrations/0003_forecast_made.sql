-- Every forecast value that came keeps when it was forecast; NULL for rows of older versions.
ALTER TABLE forecast_errors ADD COLUMN IF NOT EXISTS made Nullable(DateTime64(3, 'UTC')) AFTER step_ms;
