// Package client speaks to the store as Grafana's ClickHouse plugin does: clickhouse-go over HTTP.
package client

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func open(t *testing.T, method clickhouse.CompressionMethod) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{os.Getenv("STORE_ADDRESS")},
		Auth:        clickhouse.Auth{Database: os.Getenv("STORE_DATABASE"), Username: os.Getenv("STORE_USER"), Password: os.Getenv("STORE_PASSWORD")},
		Compression: &clickhouse.Compression{Method: method},
		DialTimeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestPingAndVersion(t *testing.T) {
	conn := open(t, clickhouse.CompressionNone)
	if err := conn.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	version, err := conn.ServerVersion()
	if err != nil || version.Version.Major < 24 {
		t.Fatalf("%v %v", version, err)
	}
}

func TestSeriesOfAView(t *testing.T) {
	conn := open(t, clickhouse.CompressionNone)
	rows, err := conn.Query(context.Background(), "SELECT time, value, expected, labels, service, state FROM v_scores WHERE metric = ? AND time >= fromUnixTimestamp64Milli(?) ORDER BY time", "cpu", int64(0))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	count := 0
	var last time.Time
	for rows.Next() {
		var at time.Time
		var value float64
		var expected float32
		var labels map[string]string
		var service, state string
		if err := rows.Scan(&at, &value, &expected, &labels, &service, &state); err != nil {
			t.Fatal(err)
		}
		if service != "web" || labels["host"] != "h1" || at.Before(last) || at.Location().String() != "UTC" {
			t.Fatalf("%v %v %v", service, labels, at)
		}
		last, count = at, count+1
	}
	if err := rows.Err(); err != nil || count != 200 {
		t.Fatalf("%d rows, %v", count, err)
	}
}

func TestTypesThatPanelsUse(t *testing.T) {
	conn := open(t, clickhouse.CompressionNone)
	var f float64
	var n *float64
	var list []string
	var low string
	var big uint64
	var at time.Time
	row := conn.QueryRow(context.Background(), "SELECT nan, CAST(NULL, 'Nullable(Float64)'), ['a', 'é'], toLowCardinality('x'), 18446744073709551615, toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')")
	if err := row.Scan(&f, &n, &list, &low, &big, &at); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(f) || n != nil || list[1] != "é" || low != "x" || big != math.MaxUint64 || at.UnixMilli() != 1767323045678 {
		t.Fatal(f, n, list, low, big, at)
	}
}

func TestCompressionOfAnswers(t *testing.T) {
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionGZIP} {
		var sum uint64
		if err := open(t, method).QueryRow(context.Background(), "SELECT sum(number) FROM (SELECT number FROM numbers(200000))").Scan(&sum); err != nil || sum != 19999900000 {
			t.Fatalf("%v: %d %v", method, sum, err)
		}
	}
}

func TestBlocksOfTheServersOwnCompression(t *testing.T) {
	ctx := context.Background()
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionLZ4, clickhouse.CompressionZSTD} {
		conn := open(t, method)
		if err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS go_blocks (n UInt64, s String) ENGINE = MergeTree ORDER BY n"); err != nil {
			t.Fatalf("%v: %v", method, err)
		}
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO go_blocks")
		if err != nil {
			t.Fatalf("%v: %v", method, err)
		}
		for n := uint64(0); n < 50000; n++ {
			if err := batch.Append(n, "row"); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatalf("%v: %v", method, err)
		}
		rows, err := conn.Query(ctx, "SELECT n, s FROM go_blocks ORDER BY n")
		if err != nil {
			t.Fatalf("%v: %v", method, err)
		}
		count, sum := 0, uint64(0)
		for rows.Next() {
			var n uint64
			var s string
			if err := rows.Scan(&n, &s); err != nil {
				t.Fatal(err)
			}
			count, sum = count+1, sum+n
		}
		if err := rows.Err(); err != nil || count != 50000 || sum != 1249975000 {
			t.Fatalf("%v: %d rows, sum %d, %v", method, count, sum, err)
		}
		if _, err := conn.Query(ctx, "SELECT * FROM there_is_no_such_table"); err == nil {
			t.Fatal("an error was lost")
		}
		if err := conn.Exec(ctx, "DROP TABLE go_blocks"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyRowsStream(t *testing.T) {
	rows, err := open(t, clickhouse.CompressionGZIP).Query(context.Background(), "SELECT number, toString(number) FROM numbers(300000)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n uint64
	for rows.Next() {
		var number uint64
		var text string
		if err := rows.Scan(&number, &text); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil || n != 300000 {
		t.Fatalf("%d %v", n, err)
	}
}

func TestAnEmptyAnswerIsNoError(t *testing.T) {
	rows, err := open(t, clickhouse.CompressionGZIP).Query(context.Background(), "SELECT time, value FROM v_scores WHERE metric = 'none'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if rows.Next() || rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	_, err := open(t, clickhouse.CompressionNone).Query(context.Background(), "SELECT * FROM there_is_no_such_table")
	var exception *clickhouse.Exception
	if err == nil || (errors.As(err, &exception) && exception.Code != 60) {
		t.Fatalf("%v", err)
	}
}

func TestSettingsAndLimitsOfAQuery(t *testing.T) {
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_result_rows": 10, "result_overflow_mode": "throw"}))
	rows, err := open(t, clickhouse.CompressionNone).Query(ctx, "SELECT number FROM numbers(100)")
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
	}
	if err == nil {
		t.Fatal("a limit of the query was not kept")
	}
}

func TestWrongPasswordIsRefused(t *testing.T) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{os.Getenv("STORE_ADDRESS")}, Auth: clickhouse.Auth{Username: os.Getenv("STORE_USER"), Password: "wrong"},
	})
	if err == nil {
		err = conn.Ping(context.Background())
	}
	if err == nil {
		t.Fatal("a wrong password was taken")
	}
}
