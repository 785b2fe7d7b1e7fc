package keeper

import "github.com/fieldbridge/fieldbridge/models/database"

// SealedTables describes the keeper's encrypted columns, to re-encrypt them with a new
// key. The caller sees encrypted values and their places, but no credential.
func SealedTables() []database.SealedTable {
	return []database.SealedTable{
		{Name: "revocations", Key: "id", Columns: []string{"token_sealed"}, Rows: database.SealedRowsOf(func(r revocation) database.SealedRow {
			return database.SealedRow{Key: r.ID, Values: []database.SealedValue{{Column: "token_sealed", Sealed: r.TokenSealed, Place: r.place()}}}
		})},
		{Name: "credentials", Key: "connection_id", Columns: []string{"access_sealed", "refresh_sealed", "secret_sealed"}, Rows: database.SealedRowsOf(func(c credential) database.SealedRow {
			return database.SealedRow{Key: c.ConnectionID, Generation: c.Generation, Values: []database.SealedValue{
				{Column: "access_sealed", Sealed: c.AccessSealed, Place: c.place("access_sealed")},
				{Column: "refresh_sealed", Sealed: c.RefreshSealed, Place: c.place("refresh_sealed")},
				{Column: "secret_sealed", Sealed: c.SecretSealed, Place: c.place("secret_sealed")},
			}}
		})},
	}
}
