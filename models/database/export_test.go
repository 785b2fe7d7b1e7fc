package database

import "gorm.io/gorm"

// This file exports what the package's own tests need besides its API.

const PostgresPool = postgresPool

func (x *DB) DialectField() *dialect { return &x.dialect }
func (x *DB) LimitsField() *limits   { return &x.limits }
func (x *DB) ReaderField() **gorm.DB { return &x.reader }
func (x *DB) WriteField() *WriteFunc { return &x.write }

type Limits = limits

var (
	Migrations      = migrations
	NewestMigration = newestMigration
)
