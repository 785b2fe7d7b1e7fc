// The connect flow as one would write it for Node: Express, express-session, grant, and
// better-sqlite3. It commits what Fieldbridge's floor commits (cmd/fieldbridge/floor_test.go),
// equally durably. Of each page and error, it has only what the successful case needs.
import { createCipheriv, createHash, randomBytes, randomUUID } from 'node:crypto'
import Database from 'better-sqlite3'
import express from 'express'
import session from 'express-session'
import grant from 'grant'

const { base, issuer, database, size } = JSON.parse(process.env.PEER)

const db = new Database(database)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.pragma('busy_timeout = 5000')
db.exec(`
  CREATE TABLE sessions (token TEXT PRIMARY KEY, data TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, company_id TEXT NOT NULL, company TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE connections (id TEXT PRIMARY KEY, company_id TEXT NOT NULL, tenant_id INTEGER NOT NULL UNIQUE, tenant TEXT NOT NULL,
    units INTEGER NOT NULL, by TEXT NOT NULL, renewed_at INTEGER NOT NULL, generation INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;
  CREATE TABLE credentials (connection_id TEXT PRIMARY KEY, access BLOB NOT NULL, refresh BLOB NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE events (id INTEGER PRIMARY KEY, connection_id TEXT NOT NULL, kind TEXT NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE INDEX events_connection ON events (connection_id, id);`)

const now = () => Math.floor(Date.now() / 1000)
const digest = (text) => createHash('sha256').update(text).digest('base64url')

// Sessions are found by the hash of what the browser holds.
class Sessions extends session.Store {
  find = db.prepare('SELECT data FROM sessions WHERE token = ? AND expires_at > ?')
  save = db.prepare('INSERT OR REPLACE INTO sessions (token, data, expires_at) VALUES (?, ?, ?)')
  remove = db.prepare('DELETE FROM sessions WHERE token = ?')

  get(id, done) {
    const row = this.find.get(digest(id), now())
    done(null, row ? JSON.parse(row.data) : null)
  }
  set(id, data, done) {
    this.save.run(digest(id), JSON.stringify(data), now() + 12 * 3600)
    done(null)
  }
  destroy(id, done) {
    this.remove.run(digest(id))
    done(null)
  }
}

const key = randomBytes(32)
const encrypt = (text, place) => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const addUser = db.prepare('INSERT INTO users VALUES (?, ?, ?, ?)')
const findUser = db.prepare('SELECT id, name, company_id, company FROM users WHERE id = ?')
const findConnection = db.prepare('SELECT tenant_id, tenant, units, by, renewed_at FROM connections WHERE id = ? AND company_id = ?')
const findEvents = db.prepare('SELECT kind, by, at FROM events WHERE connection_id = ? ORDER BY id DESC LIMIT 50')
const saveConnection = db.prepare(`INSERT INTO connections (id, company_id, tenant_id, tenant, units, by, renewed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (tenant_id) DO UPDATE SET generation = generation + 1, renewed_at = excluded.renewed_at
  WHERE company_id = excluded.company_id RETURNING id`)
const saveCredential = db.prepare('INSERT OR REPLACE INTO credentials (connection_id, access, refresh, expires_at) VALUES (?, ?, ?, ?)')
const saveEvent = db.prepare("INSERT INTO events (connection_id, kind, by, at) VALUES (?, 'connected', ?, ?)")

const save = db.transaction((visitor, tenant, name, units, tokens) => {
  const { id } = saveConnection.get(randomUUID(), visitor.company_id, tenant, name, units, visitor.name, now())
  saveCredential.run(id, encrypt(tokens.access_token, `access|${id}`), encrypt(tokens.refresh_token, `refresh|${id}`), now() + Number(tokens.raw.expires_in))
  saveEvent.run(id, visitor.name, now())
  return id
})

// check proves that the token works for the tenant.
const check = async (token, tenant) => {
  const answer = await fetch(`${issuer}/settings/v2/tenant/${tenant}/business-units?page=1&pageSize=1&includeTotal=true`, {
    headers: { Authorization: `Bearer ${token}`, 'ST-App-Key': 'ak1.bench' },
  })
  const { totalCount, data } = await answer.json()
  if (!answer.ok || data[0].tenant.id !== tenant) throw new Error('the token does not work')
  return { units: totalCount, name: data[0].tenant.name }
}

const app = express()
app.disable('x-powered-by')
app.use(session({ store: new Sessions(), secret: randomBytes(32).toString('hex'), name: 'session', resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
app.use(express.urlencoded({ extended: false }))

// Only the bench signs in here, so nobody is asked for a password.
app.post('/signin', (req, res) => {
  req.session.user = randomUUID()
  addUser.run(req.session.user, 'Dana Whitfield', randomUUID(), 'Northgate Heating')
  res.redirect(303, '/')
})

app.use((req, res, next) => {
  const visitor = req.session.user && findUser.get(req.session.user)
  if (!visitor) return res.status(401).end()
  res.locals.visitor = visitor
  next()
})

app.post('/connect', (req, res) => {
  const choice = { id: randomBytes(5).toString('hex'), tenant: Number(req.body.tenant) }
  req.session.choices = [...(req.session.choices ?? []), choice].slice(-5)
  res.redirect(303, `/connect/review?choice=${choice.id}`)
})

// grant keeps state and verifier in the session, and forgets them at the callback.
app.post('/oauth/servicetitan', (req, res, next) => {
  const choice = req.session.choices.find((c) => c.id === req.body.choice)
  req.session.tenant = choice.tenant
  res.locals.grant = { dynamic: { custom_params: { acr_values: `tenant:${choice.tenant}` } } }
  next()
})
app.use(grant.express({
  defaults: { origin: base, prefix: '/oauth', transport: 'state', state: true, pkce: true },
  servicetitan: {
    oauth: 2, key: 'cid.bench', secret: 'cs1.bench', scope: ['offline_access'], scope_delimiter: ' ',
    dynamic: ['choice'], // the form's only field
    authorize_url: `${issuer}/connect/authorize`, access_url: `${issuer}/connect/token`,
  },
}))
app.get('/oauth/servicetitan/callback', async (req, res) => {
  const { response } = res.locals.grant
  if (!response.access_token) throw new Error('not the good case')
  const tenant = req.session.tenant
  const { units, name } = await check(response.access_token, tenant)
  const id = save(res.locals.visitor, tenant, name, units, response)
  req.session.grant = undefined
  res.redirect(303, `/connections/${id}?done=connected`)
})

app.get('/connections/:id', (req, res) => {
  const { visitor } = res.locals
  const c = findConnection.get(req.params.id, visitor.company_id)
  let page = `<!doctype html><title>Connection</title><p>${escape(visitor.name)}, ${escape(visitor.company)}<h1>${escape(c.tenant)}</h1>` +
    `<p>Tenant ${c.tenant_id}, ${c.units} business units, connected by ${escape(c.by)}, renewed ${new Date(c.renewed_at * 1000).toUTCString()}<ul>`
  for (const e of findEvents.all(req.params.id)) page += `<li>${e.kind} by ${escape(e.by)}, ${new Date(e.at * 1000).toUTCString()}`
  page += '</ul><p>'
  res.type('html').send(page + 'x'.repeat(Math.max(0, size - page.length)))
})

app.listen({ fd: 3 })
