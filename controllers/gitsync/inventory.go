package gitsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

const (
	// inventoryBytes is from when on a part of an inventory is full; its entries may still grow, and a ConfigMap may hold
	// 1 MiB.
	inventoryBytes = 200 << 10
	// inventoryKey and partsKey are the keys of a part's data: the entries, and, in the first part, how many there are.
	inventoryKey, partsKey = "entries", "parts"
	// maxInventoryName leaves room for the suffix of a part in a name of 253 characters.
	maxInventoryName = 220
)

// inventory is what a GitSync applied, and the ConfigMaps that say so.
type inventory struct {
	entries map[changeset.ID]changeset.Entry
	// places says in which of the parts each entry is.
	places changeset.Parts
	parts  []*corev1.ConfigMap
	// dirty says that entries is not what is stored.
	dirty bool
}

// partName is the name of a part of a GitSync's inventory.
func partName(gitsync string, part int) string {
	if len(gitsync) > maxInventoryName {
		sum := sha256.Sum256([]byte(gitsync))
		gitsync = gitsync[:maxInventoryName-11] + "-" + hex.EncodeToString(sum[:5])
	}
	return gitsync + "-inventory-" + strconv.Itoa(part)
}

// loadInventory reads the stored inventory; none is an empty one.
func (r *Reconciler) loadInventory(ctx context.Context, gs *v1alpha1.GitSync) (*inventory, error) {
	loaded := &inventory{}
	var texts []string
	for part, count := 0, 1; part < count; part++ {
		stored := &corev1.ConfigMap{}
		key := types.NamespacedName{Namespace: gs.Namespace, Name: partName(gs.Name, part)}
		err := r.live.Get(ctx, key, stored)
		if apierrors.IsNotFound(err) {
			if part == 0 {
				break
			}
			return nil, &unusableError{fmt.Sprintf("inventory: ConfigMap %s is missing: restore it, or delete %s to begin an "+
				"inventory anew with what is in Git", key, partName(gs.Name, 0))}
		}
		if err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
		if !metav1.IsControlledBy(stored, gs) {
			return nil, &unusableError{fmt.Sprintf("inventory: ConfigMap %s is not of this GitSync: remove it", key)}
		}
		if part == 0 {
			if count, err = strconv.Atoi(stored.Data[partsKey]); err != nil || count < 1 {
				return nil, &unusableError{fmt.Sprintf("inventory: ConfigMap %s is damaged, it does not say how many parts "+
					"there are: delete it to begin an inventory anew with what is in Git", key)}
			}
		}
		loaded.parts = append(loaded.parts, stored)
		texts = append(texts, stored.Data[inventoryKey])
	}
	var err error
	if loaded.entries, loaded.places, err = changeset.Decode(texts); err != nil {
		return nil, &unusableError{err.Error() + ": delete the ConfigMaps of the inventory to begin it anew with what is in Git"}
	}
	return loaded, nil
}

// unusableError says that a stored inventory cannot be used as it is.
type unusableError struct{ text string }

// Error implements error.
func (e *unusableError) Error() string { return e.text }

// dropInventory deletes the ConfigMaps of a GitSync that is going away, so that one of the same name can follow at once.
func (r *Reconciler) dropInventory(ctx context.Context, stored *inventory) error {
	for _, part := range stored.parts {
		if err := r.client.Delete(ctx, part, client.Preconditions{UID: &part.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("inventory: %w", err)
		}
	}
	return nil
}

// storeInventory writes the parts that differ from what is stored; nothing if none does. The first part, which says how
// many there are, is written last, and no entry moves from one to another, so that a crash loses none.
func (r *Reconciler) storeInventory(ctx context.Context, p *pass) error {
	inv := p.memory.inventory
	if !inv.dirty {
		return nil
	}
	texts, err := changeset.Encode(inv.entries, inv.places, inventoryBytes)
	if err != nil {
		return err
	}
	// Until this is through, nobody knows what is stored.
	p.memory.inventory = nil
	parts := make([]*corev1.ConfigMap, len(texts))
	for part := len(texts) - 1; part >= 0; part-- {
		if parts[part], err = r.storePart(ctx, p.gs, inv, part, texts); err != nil {
			return fmt.Errorf("inventory: %w", err)
		}
	}
	for _, excess := range inv.parts[min(len(texts), len(inv.parts)):] {
		if err := r.client.Delete(ctx, excess, client.Preconditions{UID: &excess.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("inventory: %w", err)
		}
	}
	inv.parts, inv.dirty = parts, false
	p.memory.inventory = inv
	return nil
}

// storePart writes one part if it differs.
func (r *Reconciler) storePart(
	ctx context.Context, gs *v1alpha1.GitSync, inv *inventory, part int, texts []string,
) (*corev1.ConfigMap, error) {
	data := map[string]string{inventoryKey: texts[part]}
	if part == 0 {
		data[partsKey] = strconv.Itoa(len(texts))
	}
	if part < len(inv.parts) {
		stored := inv.parts[part]
		if stored.Data[inventoryKey] == data[inventoryKey] && stored.Data[partsKey] == data[partsKey] {
			return stored, nil
		}
		stored = stored.DeepCopy()
		stored.Data = data
		return stored, r.client.Update(ctx, stored, client.FieldOwner(v1alpha1.ManagerController))
	}
	fresh := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: gs.Namespace, Name: partName(gs.Name, part),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(gs, v1alpha1.GroupVersion.WithKind("GitSync"))},
		},
		Data: data,
	}
	err := r.client.Create(ctx, fresh, client.FieldOwner(v1alpha1.ManagerController))
	if !apierrors.IsAlreadyExists(err) {
		return fresh, err
	}
	// A write that was cut short may have left it.
	left := &corev1.ConfigMap{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(fresh), left); err != nil {
		return nil, err
	}
	if !metav1.IsControlledBy(left, gs) {
		return nil, &unusableError{fmt.Sprintf("ConfigMap %s/%s is not of this GitSync: remove it", left.Namespace, left.Name)}
	}
	left.Data = data
	return left, r.client.Update(ctx, left, client.FieldOwner(v1alpha1.ManagerController))
}
