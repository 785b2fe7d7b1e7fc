package database

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Row knows the columns of a record. It writes and reads whole rows with fixed
// statements. A record must have a pointer for each column that can be null.
type Row[T any] struct {
	// Columns lists all columns, in the order of Into.
	Columns string
	fields  []*schema.Field
	// inserted are the fields that an insert writes.
	inserted                []*schema.Field
	insert, insertOrReplace string
}

// RowOf returns the columns of a record. It panics if T is none.
func RowOf[T any]() *Row[T] {
	s, err := schema.Parse(new(T), &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		panic(fmt.Sprintf("a %T is no record: %v", *new(T), err))
	}
	r := &Row[T]{}
	var columns, inserted, places, keys, updates []string
	for _, f := range s.Fields {
		if f.DBName == "" || !f.Readable {
			continue
		}
		r.fields, columns = append(r.fields, f), append(columns, f.DBName)
		if !f.Creatable {
			continue
		}
		r.inserted, inserted = append(r.inserted, f), append(inserted, f.DBName)
		places = append(places, "$"+strconv.Itoa(len(inserted)))
		if f.PrimaryKey {
			keys = append(keys, f.DBName)
		} else {
			updates = append(updates, f.DBName+" = excluded."+f.DBName)
		}
	}
	r.Columns = strings.Join(columns, ", ")
	r.insert = "INSERT INTO " + s.Table + " (" + strings.Join(inserted, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
	r.insertOrReplace = r.insert + " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(updates, ", ")
	return r
}

// ColumnsOf is Columns in a query in which the table has another name.
func (r *Row[T]) ColumnsOf(table string) string {
	return table + "." + strings.ReplaceAll(r.Columns, ", ", ", "+table+".")
}

// Insert inserts a record. Unlike GORM, it writes each field as it is.
func (r *Row[T]) Insert(tx *gorm.DB, record *T) error { return r.run(tx, r.insert, record) }

// InsertOrReplace inserts a record, or overwrites the one with the same primary key.
func (r *Row[T]) InsertOrReplace(tx *gorm.DB, record *T) error {
	return r.run(tx, r.insertOrReplace, record)
}

func (r *Row[T]) run(tx *gorm.DB, statement string, record *T) error {
	ctx, value := context.Background(), reflect.ValueOf(record).Elem()
	values := make([]any, len(r.inserted))
	for i, f := range r.inserted {
		values[i], _ = f.ValueOf(ctx, value)
	}
	_, err := Exec(tx, statement, values...)
	return err
}

// Into returns where to scan Columns.
func (r *Row[T]) Into(record *T) []any { return r.AppendInto(make([]any, 0, len(r.fields)), record) }

// AppendInto appends where to scan Columns to a list.
func (r *Row[T]) AppendInto(list []any, record *T) []any {
	ctx, value := context.Background(), reflect.ValueOf(record).Elem()
	for _, f := range r.fields {
		list = append(list, f.ReflectValueOf(ctx, value).Addr().Interface())
	}
	return list
}
