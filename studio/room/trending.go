package room

import (
	"context"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// order remembers for a moment in which order papers trend: working it out goes through all events of the window, and it hardly changes from
// one page to the next. The papers themselves are read anew, so that their counts are those of now.
type order struct {
	mu sync.Mutex
	by map[string]ordered
}

type ordered struct {
	ids []int64
	at  time.Time
}

const (
	orderLife = 10 * time.Second
	maxOrders = 100
)

// list is [feed.Store.List] of a filter that orders by what trends; key names the filter.
func (o *order) list(ctx context.Context, store *feed.Store, key string, f feed.Filter) ([]feed.Paper, error) {
	o.mu.Lock()
	known, ok := o.by[key]
	o.mu.Unlock()
	if ok && time.Since(known.at) < orderLife {
		return store.Papers(ctx, known.ids...)
	}
	list, err := store.List(ctx, f)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil || len(o.by) >= maxOrders {
		o.by = map[string]ordered{}
	}
	o.by[key] = ordered{ids, time.Now()}
	return list, nil
}
