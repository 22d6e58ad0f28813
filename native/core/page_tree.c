/*
 * A persistent tree (Driscoll, Sarnak, Sleator, Tarjan: "Making Data Structures Persistent", 1989; path copying): what
 * is put into a tree that shares blocks with others goes into copies of the blocks on its path. Narrow blocks, because
 * copying one counts a reference to each of its children.
 */
#include <stdlib.h>
#include <string.h>

#include "core/page_tree.h"
#include "core/pages.h"

enum { BITS = 6, FANOUT = 1 << BITS };

struct tree_block {
    uint64_t references;
    void *body[]; /* FANOUT children; at level 0 the bytes of a page */
};

static tree_block **children(tree_block *block)
{
    return (tree_block **)block->body;
}

static unsigned index_at(uint64_t page, unsigned level)
{
    return page >> (BITS * (level - 1)) & (FANOUT - 1);
}

static tree_block *block_new(unsigned level)
{
    tree_block *block = malloc(sizeof *block + (level ? FANOUT * sizeof(tree_block *) : PAGE));
    if (!block)
        return NULL;
    block->references = 1;
    if (level)
        memset(block->body, 0, FANOUT * sizeof(tree_block *));
    return block;
}

static void release(tree_block *block, unsigned level)
{
    if (!block || --block->references)
        return;
    for (unsigned i = 0; level && i < FANOUT; i++)
        release(children(block)[i], level - 1);
    free(block);
}

/* The branch at `at`, to be changed: nobody else's from now on. */
static tree_block *own(tree_block **at, unsigned level)
{
    tree_block *shared = *at;
    if (shared && shared->references == 1)
        return shared;
    tree_block *block = block_new(level);
    if (!block || !shared)
        return block ? *at = block : NULL;
    for (unsigned i = 0; i < FANOUT; i++) {
        children(block)[i] = children(shared)[i];
        if (children(block)[i])
            children(block)[i]->references++;
    }
    shared->references--;
    return *at = block;
}

static bool put(tree_block **at, unsigned level, uint64_t page, const uint8_t *bytes)
{
    if (level) {
        tree_block *branch = own(at, level);
        return branch && put(&children(branch)[index_at(page, level)], level - 1, page, bytes);
    }
    tree_block *leaf = block_new(0);
    if (!leaf)
        return false;
    memcpy(leaf->body, bytes, PAGE);
    release(*at, 0);
    *at = leaf;
    return true;
}

page_tree tree_for(uint64_t pages)
{
    page_tree tree = {.levels = 1};
    while ((pages - 1) >> (BITS * tree.levels))
        tree.levels++;
    return tree;
}

page_tree tree_share(page_tree tree)
{
    if (tree.root)
        tree.root->references++;
    return tree;
}

void tree_free(page_tree *tree)
{
    release(tree->root, tree->levels);
    tree->root = NULL;
}

bool tree_put(page_tree *tree, uint64_t page, const uint8_t *bytes)
{
    return put(&tree->root, tree->levels, page, bytes);
}

static const uint8_t *bytes_of(const tree_block *leaf)
{
    return leaf ? (const uint8_t *)leaf->body : NULL;
}

const uint8_t *tree_page(const page_tree *tree, uint64_t page)
{
    tree_block *block = tree->root;
    for (unsigned level = tree->levels; level && block; level--)
        block = children(block)[index_at(page, level)];
    return bytes_of(block);
}

static void differences(tree_block *from, tree_block *to, unsigned level, uint64_t first, tree_visit *visit,
                        void *context)
{
    if (from == to)
        return;
    if (!level) {
        visit(context, first, bytes_of(to));
        return;
    }
    for (uint64_t i = 0; i < FANOUT; i++)
        differences(from ? children(from)[i] : NULL, to ? children(to)[i] : NULL, level - 1,
                    first | i << (BITS * (level - 1)), visit, context);
}

void tree_differences(const page_tree *from, const page_tree *to, tree_visit *visit, void *context)
{
    differences(from->root, to->root, to->levels, 0, visit, context);
}
